//! The page of a datacenter: one self-contained HTML file for the people who build it and for those it waits for.
//!
//! It is a function of manifest, history and time. It loads nothing, runs nothing, and shows foreign text as text.

mod burnup;
mod changes;
mod charts;
mod grid;
mod head;
pub mod html;
mod next;
pub mod past;
mod points;
mod sign;
mod timeline;
mod words;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use crate::engine::State;
use crate::engine::snapshot::{Entry, FailOn, Snapshot};
use crate::exit::Exit;
use crate::history::provenance::Provenance;
use html::Html;
use past::Past;

const STYLE: &str = include_str!("page/style.css");

/// What a page is made of.
#[derive(Debug, Clone, Copy)]
pub struct Page<'p> {
    /// The datacenter.
    pub snapshot: &'p Snapshot<'p>,
    /// Every datacenter of the manifest, this one too, for the grid.
    pub grid: &'p [Snapshot<'p>],
    /// What happened here.
    pub past: &'p Past,
    /// Where the manifest comes from.
    pub provenance: &'p Provenance,
    /// Datacenters whose pages lie beside this one.
    pub beside: &'p [&'p str],
}

impl<'p> Page<'p> {
    /// The whole document.
    pub fn html(&self) -> String {
        let mut html = Html::default();
        html.markup("<!DOCTYPE html>\n");
        html.element("html", &[("lang", "en")], |html| {
            html.element("head", &[], |html| self.head(html));
            html.markup("\n");
            html.element("body", &[], |html| self.body(html));
        });
        html.markup("\n");
        html.into_string()
    }

    fn head(&self, html: &mut Html) {
        let hash = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'none'"
        );
        html.void("meta", &[("charset", "utf-8")]);
        html.void("meta", &[("http-equiv", "Content-Security-Policy"), ("content", &policy)]);
        let meta = [
            ("viewport", "width=device-width, initial-scale=1"),
            ("color-scheme", "light dark"),
            ("referrer", "no-referrer"),
            ("robots", "noindex"),
            ("generator", concat!("mdd ", env!("CARGO_PKG_VERSION"))),
        ];
        for (name, content) in meta {
            html.void("meta", &[("name", name), ("content", content)]);
        }
        let progress = self.snapshot.progress(|_| true);
        let (word, state) = sign::verdict(self.exit());
        let tab = match state {
            State::Green => "✔",
            State::Unknown => "?",
            _ => "✖",
        };
        let dc = &self.snapshot.plan.dc;
        let title = format!("{tab} {}/{} {dc} {}", progress.proven, progress.required, word.to_lowercase());
        html.leaf("title", &[], &title);
        let icon = BASE64_STANDARD.encode(sign::favicon(state));
        let icon = format!("data:image/svg+xml;base64,{icon}");
        html.void("link", &[("rel", "icon"), ("type", "image/svg+xml"), ("href", &icon)]);
        html.element("style", &[], |html| html.markup(STYLE));
    }

    fn body(&self, html: &mut Html) {
        html.leaf("a", &[("class", "skip"), ("href", "#now")], "Skip to what to do now");
        html.markup(sign::DEFINITIONS);
        head::write(html, self);
        html.element("main", &[], |html| {
            next::write(html, self);
            grid::write(html, self);
            changes::write(html, self);
            burnup::write(html, self);
            timeline::write(html, self);
            points::write(html, self);
        });
        html.element("footer", &[], |html| {
            html.text(concat!("Written by mdd ", env!("CARGO_PKG_VERSION"), " as of "));
            words::time(html, self.snapshot.options.now, self.snapshot.options.now);
            html.text(". It does not renew itself: write it again with ");
            html.leaf("code", &[], &format!("mdd report {}", self.snapshot.plan.dc));
            html.text(".");
        });
    }

    /// The verdict.
    fn exit(&self) -> Exit {
        self.snapshot.exit(FailOn::NotDone, |_| true)
    }

    /// A team's name.
    fn team(&self, id: &'p str) -> &'p str {
        self.snapshot.plan.teams.get(id).map_or(id, |team| &team.name)
    }

    /// Points that wait for this root cause.
    fn held<'a>(
        &self,
        root: &'a crate::engine::snapshot::Root,
    ) -> impl Iterator<Item = &'p Entry<'p>> + use<'a, 'p> {
        self.snapshot.entries.iter().filter(move |entry| entry.roots.contains(root))
    }
}

#[cfg(test)]
mod tests {
    use super::STYLE;

    /// WCAG 2.2, "relative luminance" and "contrast ratio".
    fn contrast(a: &str, b: &str) -> f64 {
        let channel = |hex: &str| {
            let value = f64::from(u8::from_str_radix(hex, 16).unwrap()) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        let luminance = |color: &str| {
            let hex = color.trim_start_matches('#');
            0.2126 * channel(&hex[..2]) + 0.7152 * channel(&hex[2..4]) + 0.0722 * channel(&hex[4..])
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// A custom property of the style sheet, in one of its schemes.
    fn color<'s>(scheme: &'s str, name: &str) -> &'s str {
        let at = scheme.find(&format!("--{name}:")).unwrap_or_else(|| panic!("no --{name}"));
        let value = scheme[at..].split_once(':').unwrap().1;
        value.split([';', '}']).next().unwrap().trim()
    }

    #[test]
    fn every_text_can_be_read_in_both_schemes() {
        let dark = STYLE.find("@media screen and (prefers-color-scheme: dark)").unwrap();
        let schemes = [&STYLE[..dark], STYLE[dark..].split("/* end of dark */").next().unwrap()];
        for scheme in schemes {
            for state in ["green", "settling", "warning", "red", "blocked", "unknown", "waived", "not-due"] {
                let ink = color(scheme, &format!("ink-{state}"));
                for ground in [format!("tint-{state}"), "paper".to_owned(), "ground".to_owned()] {
                    let ratio = contrast(ink, color(scheme, &ground));
                    assert!(ratio >= 4.5, "{state} on {ground}: {ratio:.1}");
                }
            }
            for text in ["ink", "soft"] {
                for ground in ["paper", "ground", "code"] {
                    let ratio = contrast(color(scheme, text), color(scheme, ground));
                    assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.1}");
                }
            }
        }
    }

    #[test]
    fn the_style_sheet_loads_nothing_and_cannot_end_early() {
        assert!(!STYLE.contains("</"), "it stands in a <style> element");
        assert!(!STYLE.contains("@import") && !STYLE.contains("@font-face"));
        for (at, _) in STYLE.match_indices("url(") {
            assert!(STYLE[at..].starts_with("url(#t-"), "{}", &STYLE[at..at + 20]);
        }
    }
}
