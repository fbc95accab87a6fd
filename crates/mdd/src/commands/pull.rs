//! `mdd pull`: what a monitoring engine has seen, into the history.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use plugin::{Deadline, Secret, SecretArgs};
use tls::TlsOptions;

use super::context::{Context, duration, stop};
use crate::cli::{Global, print};
use crate::engine::reading::{Verdict, now};
use crate::engine::stop::Stop;
use crate::exit::{Error, Exit};
use crate::manifest::Manifest;
use crate::plan::Plan;
use crate::pull::client::{Client, Failed};
use crate::pull::document::LIMIT;
use crate::pull::rules::path;
use crate::pull::{
    Haul, Ignored, Kind, Pulled, Source, icinga2, judge, nagios, own, sensu_classic, sensu_go,
};
use crate::render::pull::{self as render, Datacenter, Round};

/// Longest nap before looking again whether somebody wants to stop.
const SLICE: Duration = Duration::from_millis(50);

/// Command line of `mdd pull`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What the results come from
    #[arg(value_enum, value_name = "KIND")]
    pub kind: Kind,
    /// The engine's API (http://… or https://…), a file with what it said, or `-`
    #[arg(value_name = "SOURCE")]
    pub source: String,
    /// Datacenters [default: every one that the source speaks of]
    #[arg(value_name = "DC")]
    pub dcs: Vec<String>,
    /// Again and again, until a signal ends it
    #[arg(long, value_name = "TIME", value_parser = pace)]
    pub every: Option<Duration>,
    /// Sensu Go: read the API key from the first line of this file
    #[arg(long, value_name = "FILE", group = "key_source")]
    pub key_file: Option<PathBuf>,
    /// Sensu Go: read the API key from this environment variable
    #[arg(long, value_name = "NAME", group = "key_source")]
    pub key_env: Option<String>,
    /// Sensu Go: read the API key from this open file descriptor
    #[arg(long, value_name = "N", group = "key_source")]
    pub key_fd: Option<u32>,
    /// Basic login: the user; needs a password
    #[arg(long, value_name = "USER", requires = "password_source")]
    pub user: Option<String>,
    #[command(flatten)]
    password: SecretArgs,
    /// Trust the roots in this PEM file, in place of the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Log in with the client certificate in this PEM file
    #[arg(long, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Key of --tls-cert, where it is not in the same file
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Sensu Go: only this namespace [default: the manifest's, of each datacenter]
    #[arg(long, value_name = "NS")]
    pub namespace: Option<String>,
    /// Nagios: the objects.cache that tells what it runs [default: the one beside the source]
    #[arg(long, value_name = "FILE")]
    pub objects: Option<PathBuf>,
    /// Longest time for one answer of an API
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "10s")]
    pub timeout: Duration,
    /// What to print
    #[arg(long, value_enum, default_value = "text", value_name = "FORMAT")]
    pub format: Format,
}

/// Format of what a pull says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs; with --every one line for each round.
    Json,
}

/// A time span, but not so short that an API would do nothing else.
fn pace(text: &str) -> Result<Duration, String> {
    let every = duration(text)?;
    if every < Duration::from_secs(1) { Err("at least 1s".to_owned()) } else { Ok(every) }
}

/// Does it.
pub fn execute(args: &Args, global: &Global) -> Result<Exit, Error> {
    if global.at.is_some() {
        return Err(Error::usage("results are pulled now: --at is for `gate`, `history` and `show`"));
    }
    let origin = Origin::of(args)?;
    let stop = stop()?;
    let Some(every) = args.every else {
        return match round(args, global, &origin, &stop)? {
            Some((round, _)) => {
                say(args, global, &round)?;
                Ok(Exit::Done)
            }
            None => Ok(Exit::Interrupted),
        };
    };
    if matches!(origin, Origin::Stdin) {
        return Err(Error::usage("--every reads again and again: standard input can be read once"));
    }
    let mut trouble: Option<String> = None;
    let mut first = true;
    while !stop.requested() {
        let begun = Instant::now();
        match round(args, global, &origin, &stop) {
            Ok(None) => break,
            Ok(Some((round, changed))) => {
                if trouble.take().is_some() {
                    complain(&format!("{} is there again", origin.name()));
                }
                if first || changed || args.format == Format::Json {
                    say(args, global, &round)?;
                }
                first = false;
            }
            // What is wrong with the command line will not mend itself; a manifest that is being edited, and an engine
            // that is being restarted, will.
            Err(Error::Usage(text)) if first => return Err(Error::Usage(text)),
            Err(error) => {
                let text = error.to_string();
                if trouble.as_ref() != Some(&text) {
                    complain(&text);
                    trouble = Some(text);
                }
            }
        }
        while begun.elapsed() < every && !stop.requested() {
            std::thread::sleep(SLICE.min(every.saturating_sub(begun.elapsed())));
        }
    }
    Ok(Exit::Done)
}

/// Where the documents come from.
enum Origin {
    Api(Arc<Client>),
    File(PathBuf),
    Stdin,
}

impl Origin {
    fn of(args: &Args) -> Result<Self, Error> {
        let has_key = args.key_file.is_some() || args.key_env.is_some() || args.key_fd.is_some();
        let url = args.source.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
        if has_key && args.kind != Kind::SensuGo {
            return Err(Error::usage("an API key is Sensu Go's; give --user and --password-file"));
        }
        if args.objects.is_some() && args.kind != Kind::Nagios {
            return Err(Error::usage("--objects is Nagios'"));
        }
        if args.namespace.is_some() && args.kind != Kind::SensuGo {
            return Err(Error::usage("--namespace is Sensu Go's"));
        }
        if !matches!(url.as_deref(), Some("http" | "https")) {
            let tls = args.ca_file.is_some() || args.tls_cert.is_some();
            let login = has_key || args.user.is_some() || tls;
            if let Some(scheme) = url {
                return Err(Error::usage(format!("the source is no file, and no http URL: {scheme}")));
            }
            if login {
                return Err(Error::usage("a file needs no login and no CA"));
            }
            return Ok(if args.source == "-" {
                Origin::Stdin
            } else {
                Origin::File(args.source.clone().into())
            });
        }
        match args.kind {
            Kind::Nagios if args.objects.is_some() => {
                return Err(Error::usage("--objects goes with a status.dat: the CGIs tell what Nagios runs"));
            }
            Kind::Mdd => return Err(Error::usage("mdd has no API: give the file that it wrote, or `-`")),
            Kind::SensuGo if args.user.is_some() => {
                return Err(Error::usage("Sensu Go's API takes a key: give --key-file"));
            }
            _ => {}
        }
        let tls = TlsOptions {
            ca_file: args.ca_file.clone(),
            client_cert: args.tls_cert.clone(),
            client_key: args.tls_key.clone(),
            ..TlsOptions::default()
        };
        Ok(Origin::Api(Arc::new(Client::new(&args.source, &tls, authorization(args)?, args.timeout)?)))
    }

    /// For messages and the history.
    fn name(&self) -> String {
        match self {
            Origin::Api(client) => client.base().to_owned(),
            Origin::File(path) => path.display().to_string(),
            Origin::Stdin => "-".to_owned(),
        }
    }
}

/// The login as a whole header.
fn authorization(args: &Args) -> Result<Option<Secret>, Error> {
    let key = SecretArgs {
        password_file: args.key_file.clone(),
        password_env: args.key_env.clone(),
        password_fd: args.key_fd,
    };
    let read = |what: &str, from: &SecretArgs| {
        let secret = from.read(&Deadline::after(args.timeout));
        secret.map_err(|failure| Error::usage(format!("{what}: {failure}")))
    };
    if let Some((key, _)) = read("the API key", &key)? {
        return Ok(Some(Secret::new(format!("Key {}", key.expose()))));
    }
    let password = read("the login", &args.password)?;
    match (&args.user, password) {
        (Some(user), Some((password, _))) => Ok(Some(http::basic(&format!("{user}:{}", password.expose())))),
        (None, Some(_)) => Err(Error::usage("a password needs its --user")),
        (_, None) => Ok(None),
    }
}

/// Reads once, keeps what is new. None when interrupted; the flag says whether anything was new.
fn round(args: &Args, global: &Global, origin: &Origin, stop: &Stop) -> Result<Option<(Round, bool)>, Error> {
    let manifest = global.manifest()?;
    let contexts = contexts(&manifest, args, global)?;
    let Some(haul) = haul(args, origin, &contexts, stop)? else { return Ok(None) };
    let at = now();
    let source = Source { kind: args.kind, name: origin.name(), taken: haul.taken.min(at) };
    let mut round = Round::new(&source, at);
    let mut claimed = BTreeSet::new();
    let mut changed = false;
    for context in &contexts {
        let plan = &context.plan;
        let mut sorted = Sorted::default();
        for (index, sighting) in haul.sightings.iter().enumerate() {
            match judge(plan, sighting, &source, at) {
                Ok(pulled) => sorted.pulled.push(pulled),
                Err(Ignored::NoSuchPoint(path)) => {
                    sorted.strangers.insert(path);
                }
                Err(Ignored::NotRunYet(path)) => {
                    sorted.waiting.insert(path);
                }
                Err(Ignored::OtherDatacenter(dc)) => {
                    round.elsewhere.entry(dc).or_default().insert(index);
                    continue;
                }
                Err(Ignored::NotOurs) => continue,
            }
            claimed.insert(index);
        }
        if sorted.is_empty() && args.dcs.is_empty() {
            continue;
        }
        changed |= keep(context, &source, at, sorted, &mut round)?;
    }
    for indices in round.elsewhere.values_mut() {
        indices.retain(|index| !claimed.contains(index));
    }
    round.elsewhere.retain(|_, indices| !indices.is_empty());
    let elsewhere: BTreeSet<usize> = round.elsewhere.values().flatten().copied().collect();
    round.foreign = haul.sightings.len() - claimed.len() - elsewhere.len();
    Ok(Some((round, changed)))
}

/// What the sightings are to one datacenter.
#[derive(Default)]
struct Sorted<'p> {
    pulled: Vec<Pulled<'p>>,
    /// Not in the manifest.
    strangers: BTreeSet<String>,
    /// Not run yet.
    waiting: BTreeSet<String>,
}

impl Sorted<'_> {
    fn is_empty(&self) -> bool {
        self.pulled.is_empty() && self.strangers.is_empty() && self.waiting.is_empty()
    }
}

/// Keeps one datacenter's results; whether any was new.
fn keep(
    context: &Context,
    source: &Source,
    at: Timestamp,
    mut sorted: Sorted<'_>,
    round: &mut Round,
) -> Result<bool, Error> {
    let plan = &context.plan;
    // In their order, so that each carries the one before it on.
    sorted.pulled.sort_by_key(|one| one.reading.at);
    let (_, snapshot, added) =
        context.history()?.pull(plan, source, &context.provenance, &sorted.pulled, at)?;
    let mut without = BTreeMap::new();
    let mut silenced = BTreeMap::new();
    for one in &sorted.pulled {
        let path = path(plan, one.point, one.instance);
        // What was kept may be another: an engine whose clock has gone back gives no results.
        let known = snapshot.entry(&one.point.id).into_iter().flat_map(|entry| &entry.instances);
        let newest = known.filter(|known| known.key == one.instance.key).find_map(|one| one.newest.as_ref());
        let kept = newest.map(|seen| &seen.reading).filter(|kept| kept.at >= one.reading.at);
        match kept.unwrap_or(&one.reading) {
            none if none.verdict == Verdict::None => {
                without.insert(path.clone(), none.summary().to_owned());
            }
            _ => {
                without.remove(&path);
            }
        }
        if let Some(note) = &one.silenced {
            silenced.insert(path, note.clone());
        }
    }
    let has_check = |path: &String| {
        sorted.waiting.contains(path)
            || sorted.pulled.iter().any(|one| self::path(plan, one.point, one.instance) == *path)
    };
    let missing = every_check(plan).filter(|path| !has_check(path)).collect();
    let ttl = plan.points.iter().map(|point| point.ttl).min();
    let age = crate::engine::facts::age(source.taken, at);
    if ttl.is_some_and(|ttl| age > ttl) {
        round.stale = true;
    }
    round.datacenters.push(Datacenter {
        dc: plan.dc.clone(),
        added,
        without,
        silenced,
        missing,
        strangers: sorted.strangers,
        waiting: sorted.waiting,
        progress: snapshot.progress(|_| true),
    });
    Ok(added.results + added.none > 0)
}

/// Paths of all checks that an engine could have.
fn every_check(plan: &Plan) -> impl Iterator<Item = String> {
    plan.points
        .iter()
        .filter(|point| point.missing.is_empty())
        .flat_map(move |point| point.instances.iter().map(move |instance| path(plan, point, instance)))
}

/// The datacenters that were asked for, or all.
fn contexts(manifest: &Manifest, args: &Args, global: &Global) -> Result<Vec<Context>, Error> {
    let dcs: Vec<&str> = if args.dcs.is_empty() {
        manifest.datacenters()
    } else {
        args.dcs.iter().map(String::as_str).collect()
    };
    dcs.into_iter().map(|dc| Context::of(manifest, global, dc)).collect()
}

/// What the source says. None when interrupted.
fn haul(args: &Args, origin: &Origin, contexts: &[Context], stop: &Stop) -> Result<Option<Haul>, Error> {
    let failed = |what: &str| Error::own(format!("read {} of {}: {what}", args.kind.name(), origin.name()));
    let (document, taken) = match origin {
        Origin::Api(client) => return fetch(args, client, contexts, stop),
        Origin::Stdin => (read(std::io::stdin().lock()).map_err(|what| failed(&what))?, now()),
        Origin::File(path) => {
            let (document, taken) = read_file(path).map_err(|what| failed(&what))?;
            (document, taken)
        }
    };
    let read = match args.kind {
        Kind::SensuGo => sensu_go::read(&document, taken),
        Kind::SensuClassic => sensu_classic::read(&document, taken),
        Kind::Mdd => own::read(&document),
        Kind::Nagios => nagios::read(&document, objects(args, origin)?.as_deref()),
        Kind::Icinga2 => icinga2::read(&document, taken),
    };
    read.map(Some).map_err(|what| failed(&what))
}

/// What Nagios runs: the file that was named, or the one beside its status.dat.
fn objects(args: &Args, origin: &Origin) -> Result<Option<Vec<u8>>, Error> {
    let beside = match origin {
        Origin::File(path) => Some(path.with_file_name("objects.cache")).filter(|path| path.exists()),
        Origin::Api(_) | Origin::Stdin => None,
    };
    let Some(path) = args.objects.clone().or(beside) else { return Ok(None) };
    let failed = |what: String| Error::own(format!("read {}: {what}", path.display()));
    read_file(&path).map(|(document, _)| Some(document)).map_err(failed)
}

/// The file, and when it was written.
fn read_file(path: &Path) -> Result<(Vec<u8>, Timestamp), String> {
    let file = File::open(path).map_err(|error| plugin::io_text(&error))?;
    let written =
        file.metadata().and_then(|meta| meta.modified()).map_err(|error| plugin::io_text(&error))?;
    let written = Timestamp::try_from(written).map_err(|error| error.to_string())?;
    Ok((read(file)?, written))
}

fn read(from: impl Read) -> Result<Vec<u8>, String> {
    let mut document = Vec::new();
    from.take(LIMIT + 1).read_to_end(&mut document).map_err(|error| plugin::io_text(&error))?;
    if document.len() as u64 > LIMIT {
        return Err("more than 64 MiB".to_owned());
    }
    Ok(document)
}

/// Asks the API in a thread of its own: a signal does not wait for a silent peer.
fn fetch(
    args: &Args,
    client: &Arc<Client>,
    contexts: &[Context],
    stop: &Stop,
) -> Result<Option<Haul>, Error> {
    let namespaces: BTreeSet<String> = match &args.namespace {
        Some(namespace) => BTreeSet::from([namespace.clone()]),
        None => contexts.iter().map(|context| context.plan.engines.sensu_go.namespace.clone()).collect(),
    };
    let namespaces: Vec<String> = namespaces.into_iter().collect();
    let (send, answers) = channel();
    let (client, kind) = (Arc::clone(client), args.kind);
    std::thread::spawn(move || {
        let answer = match kind {
            Kind::SensuGo => sensu_go::fetch(&client, &namespaces),
            Kind::SensuClassic => sensu_classic::fetch(&client),
            Kind::Icinga2 => icinga2::fetch(&client),
            Kind::Nagios => nagios::fetch(&client),
            Kind::Mdd => Err(Failed("there is no API to ask".to_owned())),
        };
        // Nobody waits for it after a signal.
        match send.send(answer) {
            Ok(()) | Err(_) => {}
        }
    });
    loop {
        match answers.recv_timeout(SLICE) {
            Ok(answer) => return answer.map(Some).map_err(|failed| Error::own(failed.to_string())),
            Err(RecvTimeoutError::Timeout) if stop.requested() => return Ok(None),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Error::own(format!("{}: asking for it has failed", args.source)));
            }
        }
    }
}

fn say(args: &Args, global: &Global, round: &Round) -> Result<(), Error> {
    print(&match args.format {
        Format::Text if global.quiet => return Ok(()),
        Format::Text => render::text(round, global.style(), global.verbose > 0),
        Format::Json => render::json(round, args.every.is_none()),
    })
}

/// Standard error may be closed; the pull goes on.
fn complain(text: &str) {
    match writeln!(std::io::stderr(), "{text}") {
        Ok(()) | Err(_) => {}
    }
}
