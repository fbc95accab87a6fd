//! Groups by datacenters: the worst state, the fraction, and the counts of each.

use super::html::Html;
use super::{Page, sign};
use crate::engine::snapshot::{FailOn, Snapshot};
use crate::engine::tally::Tally;
use crate::plan::Group;

/// Writes the section.
pub fn write(html: &mut Html, page: &Page<'_>) {
    html.element("section", &[("id", "grid"), ("aria-labelledby", "h-grid")], |html| {
        html.leaf("h2", &[("id", "h-grid")], "Groups and datacenters");
        html.leaf(
            "p",
            &[("class", "lead")],
            "Required points that are proven, of all that are required; the sign is the worst state.",
        );
        html.element(
            "div",
            &[("class", "wide"), ("tabindex", "0"), ("role", "region"), ("aria-labelledby", "h-grid")],
            |html| {
                html.element("table", &[("class", "grid")], |html| table(html, page));
            },
        );
    });
}

fn table(html: &mut Html, page: &Page<'_>) {
    html.element("thead", &[], |html| {
        html.element("tr", &[], |html| {
            html.element("th", &[("scope", "col")], |html| {
                html.leaf("span", &[("class", "hidden")], "Group");
            });
            for snapshot in page.grid {
                html.element("th", &[("scope", "col"), ("class", here(page, snapshot))], |html| {
                    let plan = snapshot.plan;
                    if page.beside.contains(&plan.dc.as_str()) && plan.dc != page.snapshot.plan.dc {
                        html.leaf("a", &[("href", &format!("{}.html", plan.dc))], &plan.dc);
                    } else {
                        html.text(&plan.dc);
                    }
                    html.leaf("span", &[("class", "small")], &plan.title);
                });
            }
        });
    });
    html.element("tbody", &[], |html| {
        for group in &page.snapshot.plan.groups {
            html.element("tr", &[("data-group", &group.id)], |html| {
                html.element("th", &[("scope", "row")], |html| name(html, page, group));
                for snapshot in page.grid {
                    let tally = snapshot.tally(|point| point.group == group.id);
                    html.element(
                        "td",
                        &[("class", here(page, snapshot)), ("data-dc", &snapshot.plan.dc)],
                        |html| {
                            cell(html, &tally);
                        },
                    );
                }
            });
        }
    });
    html.element("tfoot", &[], |html| {
        html.element("tr", &[], |html| {
            html.leaf("th", &[("scope", "row")], "All");
            for snapshot in page.grid {
                html.element(
                    "td",
                    &[("class", here(page, snapshot)), ("data-dc", &snapshot.plan.dc)],
                    |html| {
                        let (word, state) = sign::verdict(snapshot.exit(FailOn::NotDone, |_| true));
                        let progress = snapshot.progress(|_| true);
                        html.element("span", &[("class", "worst")], |html| {
                            sign::sign(html, state);
                            let fraction = format!("{}/{}", progress.proven, progress.required);
                            html.leaf("b", &[("class", "fraction")], &fraction);
                        });
                        html.leaf("span", &[("class", "small")], &word.to_lowercase());
                    },
                );
            }
        });
    });
}

/// The column of the page's own datacenter.
fn here(page: &Page<'_>, snapshot: &Snapshot<'_>) -> &'static str {
    if snapshot.plan.dc == page.snapshot.plan.dc { "here" } else { "there" }
}

fn name(html: &mut Html, page: &Page<'_>, group: &Group) {
    if page.snapshot.entries.iter().any(|entry| entry.point.group == group.id) {
        html.leaf("a", &[("href", &format!("#g-{}", group.id))], &group.title);
    } else {
        html.text(&group.title);
    }
}

fn cell(html: &mut Html, tally: &Tally) {
    let Some(worst) = tally.worst() else {
        html.leaf("span", &[("class", "small")], "none");
        return;
    };
    html.element("span", &[("class", "worst")], |html| {
        sign::sign(html, worst);
        match tally.progress.required {
            0 => {
                html.markup("<b class=\"fraction\"><span aria-hidden=\"true\">–</span>");
                html.markup("<span class=\"hidden\">none required</span></b>");
            }
            required => {
                let fraction = format!("{}/{required}", tally.progress.proven);
                html.leaf("b", &[("class", "fraction")], &fraction);
            }
        }
    });
    sign::bar(html, tally);
    html.element("ul", &[("class", "small")], |html| {
        for (state, count) in tally.worst_first() {
            html.leaf("li", &[], &format!("{count} {}", state.word()));
        }
        let advisory = tally.points - tally.progress.required;
        if advisory > 0 {
            html.leaf("li", &[], &format!("{advisory} advisory"));
        }
    });
}
