//! Which packet goes next and what became of each: time in, decisions out, no sockets.

use std::time::{Duration, Instant};

use super::{Plan, Trouble};

/// What became of the packets to one host.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Heard {
    /// Requests that left this host, or were refused by it.
    pub sent: u32,
    /// Round-trip times, in the order of the requests; those of lost ones are missing.
    pub times: Vec<Duration>,
    /// Further answers to a request that had its answer.
    pub duplicates: u32,
    /// Answers that came too late to count.
    pub late: u32,
    /// Answers whose payload was not the one that was sent.
    pub damaged: u32,
    /// Why the host was given up.
    pub trouble: Option<Trouble>,
}

impl Heard {
    /// Requests that were answered.
    pub fn received(&self) -> u32 {
        u32::try_from(self.times.len()).unwrap_or(u32::MAX)
    }

    /// Share of the requests without an answer, percent. All of them where none could be sent.
    pub fn loss(&self) -> f64 {
        if self.sent == 0 {
            return 100.0;
        }
        f64::from(self.sent.saturating_sub(self.received())) * 100.0 / f64::from(self.sent)
    }

    /// Average round-trip time.
    pub fn average(&self) -> Option<Duration> {
        self.times.iter().sum::<Duration>().checked_div(self.received())
    }

    /// Shortest round-trip time.
    pub fn min(&self) -> Option<Duration> {
        self.times.iter().min().copied()
    }

    /// Longest round-trip time.
    pub fn max(&self) -> Option<Duration> {
        self.times.iter().max().copied()
    }

    /// Average difference between one round-trip time and the next; none with less than two answers.
    pub fn jitter(&self) -> Option<Duration> {
        let steps = self.times.windows(2).map(|pair| pair[0].abs_diff(pair[1])).sum::<Duration>();
        steps.checked_div(self.received().saturating_sub(1))
    }
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Send { host: usize, seq: u16 },
    Wait { until: Instant },
    Over,
}

#[derive(Debug, Clone)]
struct Host {
    heard: Heard,
    /// When each request left; none before it did, and after its answer.
    out: Vec<Option<Instant>>,
    /// Round-trip times by request.
    times: Vec<Option<Duration>>,
    due: Instant,
}

/// The packets of a run.
#[derive(Debug)]
pub(super) struct Schedule<'a> {
    plan: &'a Plan,
    hosts: Vec<Host>,
    /// Nothing leaves before.
    held: Instant,
    /// When the last packet left.
    last: Instant,
    /// Requests whose answer may still come.
    missing: usize,
    /// Where the search for the next host begins: they take turns.
    turn: usize,
    over: bool,
}

impl Schedule<'_> {
    pub fn new(plan: &Plan, hosts: usize, now: Instant) -> Schedule<'_> {
        let packets = usize::from(plan.count);
        let host =
            Host { heard: Heard::default(), out: vec![None; packets], times: vec![None; packets], due: now };
        Schedule { plan, hosts: vec![host; hosts], held: now, last: now, missing: 0, turn: 0, over: false }
    }

    /// The host that a sequence number belongs to.
    pub fn host_of(&self, seq: u16) -> Option<usize> {
        let host = usize::from(seq) / usize::from(self.plan.count);
        (host < self.hosts.len()).then_some(host)
    }

    fn packet_of(&self, seq: u16) -> usize {
        usize::from(seq % self.plan.count)
    }

    pub fn next(&self, now: Instant) -> Next {
        if self.over {
            return Next::Over;
        }
        let count = self.hosts.len();
        let waiting = (0..count).map(|step| (self.turn + step) % count).filter(|host| self.has_more(*host));
        // The first in turn of those that are due first.
        let Some(host) = waiting.min_by_key(|host| self.hosts[*host].due.max(now)) else {
            let until = self.last + self.plan.wait;
            let late = self.missing == 0 || until <= now;
            return if late { Next::Over } else { Next::Wait { until } };
        };
        let gap = if self.missing > 0 { self.plan.host_interval } else { Duration::ZERO };
        let until = self.hosts[host].due.max(self.held).max(self.last_of_others(host) + gap);
        if until > now {
            return Next::Wait { until };
        }
        let packet = self.hosts[host].heard.sent as usize;
        // Checked with the plan: all of them fit.
        let seq = u16::try_from(host * usize::from(self.plan.count) + packet).unwrap_or(u16::MAX);
        Next::Send { host, seq }
    }

    // With one host there is nobody to keep a distance to.
    fn last_of_others(&self, host: usize) -> Instant {
        if self.hosts.len() > 1 { self.last } else { self.hosts[host].due }
    }

    fn has_more(&self, host: usize) -> bool {
        let host = &self.hosts[host];
        host.heard.trouble.is_none() && host.heard.sent < u32::from(self.plan.count)
    }

    /// Nothing is sent before this time.
    pub fn hold(&mut self, until: Instant) {
        self.held = until;
    }

    pub fn sent(&mut self, host: usize, seq: u16, now: Instant) {
        let packet = self.packet_of(seq);
        let entry = &mut self.hosts[host];
        entry.heard.sent += 1;
        entry.out[packet] = Some(now);
        entry.due = if self.plan.steady { entry.due + self.plan.interval } else { now + self.plan.interval };
        self.missing += 1;
        self.last = now;
        self.turn = host + 1;
    }

    pub fn answered(&mut self, seq: u16, now: Instant) {
        let (Some(host), packet) = (self.host_of(seq), self.packet_of(seq)) else { return };
        let entry = &mut self.hosts[host];
        let Some(out) = entry.out[packet].take() else {
            // Never sent: a guess of somebody who knows the token, or a repetition.
            entry.heard.duplicates += u32::from(entry.times[packet].is_some());
            return;
        };
        // Those of a host that was given up are not missing any more.
        if entry.heard.trouble.is_none() {
            self.missing -= 1;
        }
        let time = now.saturating_duration_since(out);
        if self.plan.answer_within.is_some_and(|limit| time > limit) {
            entry.heard.late += 1;
            return;
        }
        entry.times[packet] = Some(time);
        if !self.plan.steady && entry.out.iter().all(Option::is_none) {
            entry.due = now;
        }
        self.over |= self.plan.until_first;
    }

    pub fn damaged(&mut self, seq: u16) {
        if let Some(host) = self.host_of(seq) {
            self.hosts[host].heard.damaged += 1;
        }
    }

    /// The host is given up: as the C plugin, which spends no more time on it.
    pub fn failed(&mut self, host: usize, trouble: Trouble) {
        let entry = &mut self.hosts[host];
        if entry.heard.trouble.is_some() {
            return;
        }
        // A packet that did not leave was tried, and is lost.
        if trouble.from.is_none() && entry.heard.sent < u32::from(self.plan.count) {
            entry.heard.sent += 1;
        }
        entry.heard.trouble = Some(trouble);
        self.missing -= entry.out.iter().flatten().count();
    }

    pub fn finish(self) -> Vec<Heard> {
        let heard = |host: Host| Heard { times: host.times.into_iter().flatten().collect(), ..host.heard };
        self.hosts.into_iter().map(heard).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Heard, Next, Schedule};
    use crate::icmp::{Plan, Trouble, What};
    use std::time::{Duration, Instant};

    const fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    fn plan(count: u16) -> Plan {
        Plan {
            count,
            interval: ms(80),
            steady: false,
            host_interval: Duration::ZERO,
            wait: ms(1000),
            answer_within: None,
            until_first: false,
            payload: 56,
            ttl: None,
            dont_fragment: false,
            source: None,
            device: None,
        }
    }

    const UNREACHABLE: Trouble =
        Trouble { what: What::Host, from: Some(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST)) };

    /// Runs to the end against hosts that answer after these times, by packet; no time, no answer. Returns what was heard,
    /// when each packet left, and when it was over, in milliseconds.
    fn play(plan: &Plan, answers: &[&[Option<u64>]]) -> (Vec<Heard>, Vec<(usize, u128)>, u128) {
        let start = Instant::now();
        let mut now = start;
        let mut schedule = Schedule::new(plan, answers.len(), start);
        let mut coming: Vec<(Instant, u16)> = Vec::new();
        let mut left = Vec::new();
        loop {
            match schedule.next(now) {
                Next::Over => break,
                Next::Send { host, seq } => {
                    schedule.sent(host, seq, now);
                    left.push((host, (now - start).as_millis()));
                    let packet = usize::from(seq % plan.count);
                    if let Some(time) = answers[host][packet] {
                        coming.push((now + ms(time), seq));
                    }
                }
                Next::Wait { until } => {
                    coming.sort();
                    match coming.first().copied() {
                        Some((at, seq)) if at <= until => {
                            coming.remove(0);
                            now = at;
                            schedule.answered(seq, now);
                        }
                        _ => now = until,
                    }
                }
            }
        }
        (schedule.finish(), left, (now - start).as_millis())
    }

    #[test]
    fn the_next_packet_follows_the_answer() {
        let (heard, left, end) = play(&plan(3), &[&[Some(10), Some(20), Some(30)]]);
        assert_eq!(left, [(0, 0), (0, 10), (0, 30)]);
        assert_eq!(end, 60, "over with the last answer");
        assert_eq!(heard[0].times, [ms(10), ms(20), ms(30)]);
        assert_eq!((heard[0].average(), heard[0].jitter()), (Some(ms(20)), Some(ms(10))));
        assert_eq!((heard[0].min(), heard[0].max()), (Some(ms(10)), Some(ms(30))));
    }

    #[test]
    fn a_missing_answer_is_waited_for_no_longer_than_the_interval() {
        let (heard, left, end) = play(&plan(3), &[&[None, Some(10), None]]);
        assert_eq!(left, [(0, 0), (0, 80), (0, 160)], "one that is lost keeps the pace");
        assert_eq!(end, 1160);
        assert_eq!((heard[0].sent, heard[0].received()), (3, 1));
        assert!((heard[0].loss() - 66.666).abs() < 0.001);
    }

    #[test]
    fn a_slow_answer_counts_after_the_next_packet_left() {
        let (heard, left, end) = play(&plan(2), &[&[Some(200), Some(10)]]);
        assert_eq!(left, [(0, 0), (0, 80)]);
        assert_eq!((heard[0].times.as_slice(), end), (&[ms(200), ms(10)][..], 200));
        assert_eq!(heard[0].jitter(), Some(ms(190)));
    }

    #[test]
    fn steady_keeps_the_interval() {
        let plan = Plan { steady: true, ..plan(3) };
        let (_, left, end) = play(&plan, &[&[Some(10), Some(10), Some(10)]]);
        assert_eq!((left, end), (vec![(0, 0), (0, 80), (0, 160)], 170));
    }

    #[test]
    fn hosts_take_turns_and_one_that_is_dead_holds_up_nobody() {
        let (heard, left, _) = play(&plan(2), &[&[None, None], &[Some(5), Some(5)]]);
        assert_eq!(left, [(0, 0), (1, 0), (1, 5), (0, 80)]);
        assert_eq!((heard[0].loss(), heard[1].loss()), (100.0, 0.0));
        let spaced = Plan { host_interval: ms(20), ..plan(1) };
        let (_, left, _) = play(&spaced, &[&[None], &[None], &[Some(1)]]);
        assert_eq!(left, [(0, 0), (1, 20), (2, 40)]);
        let answered = Plan { host_interval: ms(20), ..plan(1) };
        let (_, left, _) = play(&answered, &[&[Some(3)], &[Some(3)]]);
        assert_eq!(left, [(0, 0), (1, 3)], "no distance where no answer is missing");
    }

    #[test]
    fn the_first_answer_may_be_enough() {
        let plan = Plan { until_first: true, ..plan(5) };
        let (heard, left, end) = play(&plan, &[&[None; 5], &[Some(7); 5]]);
        assert_eq!((left.len(), end), (2, 7));
        assert_eq!(heard[1].received(), 1);
    }

    #[test]
    fn answers_may_have_a_limit_of_their_own() {
        let plan = Plan { answer_within: Some(ms(100)), ..plan(2) };
        let (heard, _, _) = play(&plan, &[&[Some(150), Some(100)]]);
        assert_eq!((heard[0].late, heard[0].times.as_slice()), (1, &[ms(100)][..]));
    }

    #[test]
    fn doubles_strangers_and_damage_do_not_count() {
        let plan = plan(2);
        let start = Instant::now();
        let mut schedule = Schedule::new(&plan, 1, start);
        schedule.answered(0, start);
        schedule.sent(0, 0, start);
        schedule.answered(0, start + ms(1));
        schedule.answered(0, start + ms(2));
        schedule.answered(0, start + ms(3));
        schedule.answered(1, start + ms(3));
        schedule.answered(2, start + ms(3));
        schedule.answered(u16::MAX, start + ms(3));
        schedule.damaged(1);
        schedule.damaged(9);
        let heard = schedule.finish().remove(0);
        assert_eq!((heard.times.as_slice(), heard.duplicates, heard.damaged), (&[ms(1)][..], 2, 1));
    }

    #[test]
    fn a_host_in_trouble_is_given_up() {
        let plan = plan(5);
        let start = Instant::now();
        let mut schedule = Schedule::new(&plan, 1, start);
        schedule.sent(0, 0, start);
        schedule.answered(0, start + ms(1));
        schedule.sent(0, 1, start + ms(1));
        schedule.failed(0, UNREACHABLE);
        schedule.failed(0, Trouble { what: What::Network, from: None });
        assert_eq!(schedule.next(start + ms(2)), Next::Over);
        schedule.answered(1, start + ms(3));
        let heard = schedule.finish().remove(0);
        assert_eq!((heard.sent, heard.received(), heard.trouble), (2, 2, Some(UNREACHABLE)));

        let mut schedule = Schedule::new(&plan, 1, start);
        schedule.failed(0, Trouble { what: What::Network, from: None });
        let heard = schedule.finish().remove(0);
        assert_eq!((heard.sent, heard.loss()), (1, 100.0), "one that did not leave is lost");
    }

    #[test]
    fn full_buffers_are_waited_for() {
        let plan = plan(1);
        let start = Instant::now();
        let mut schedule = Schedule::new(&plan, 1, start);
        schedule.hold(start + ms(2));
        assert_eq!(schedule.next(start), Next::Wait { until: start + ms(2) });
        assert_eq!(schedule.next(start + ms(2)), Next::Send { host: 0, seq: 0 });
        assert_eq!(Schedule::new(&plan, 0, start).next(start), Next::Over);
    }
}
