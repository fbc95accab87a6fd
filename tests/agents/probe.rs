//! Argument lists that engines have trouble with, and a plugin that tells which it was given.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tempfile::TempDir;
use testkit::agents::open_folder;

/// The random lists are the same on every machine; another seed makes others.
pub const SEED: u64 = 0x6d64_6431;
/// How many there are.
pub const RANDOM: usize = 200;
/// The plugin's name in its folder.
pub const NAME: &str = "record-argv";

/// One call of the plugin.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its name, which is its first argument: lower-case letters, digits and `_`.
    pub name: String,
    /// The program's name, the case's name, then what it is about.
    pub argv: Vec<String>,
    /// `PROBE` or nothing.
    pub env: BTreeMap<String, String>,
}

impl Case {
    fn new(name: &str, arguments: impl IntoIterator<Item = String>) -> Case {
        let argv = [NAME.to_owned(), name.to_owned()].into_iter().chain(arguments).collect();
        Case { name: name.to_owned(), argv, env: BTreeMap::new() }
    }

    /// One with a single argument.
    pub fn named(name: &str, argument: &str) -> Case {
        Case::new(name, [argument.to_owned()])
    }

    /// What the plugin writes down of it.
    pub fn record(&self) -> Vec<u8> {
        let words = self.argv[1..]
            .iter()
            .cloned()
            .chain(self.env.iter().map(|(name, value)| format!("{name}={value}")));
        words.flat_map(|word| word.into_bytes().into_iter().chain([0])).collect()
    }
}

/// Lists by the name of what is nasty about them; the last argument stands in the environment too.
pub fn nasty() -> Vec<Case> {
    let long = "x".repeat(3000);
    let lists: Vec<(&str, Vec<&str>)> = vec![
        ("blanks", vec!["a b", "  two  blanks  ", " "]),
        ("empty", vec!["", "a", "", ""]),
        ("single_quote", vec!["'", "it's", "''", "'a b'"]),
        ("double_quote", vec!["\"", "say \"hi\"", "\"\"", "'\""]),
        ("arg_macro", vec!["$ARG1$", "$HOSTADDRESS$", "$USER1$", "$_SERVICEX$", "a$ARG1$b"]),
        ("dollar", vec!["$", "$$", "$$$", "$.data[0]", "$HOME", "${HOME}", "5$", "$address$"]),
        ("command_substitution", vec!["$(id)", "`id`", "$((1+1))"]),
        ("braces", vec!["{{", "{{ .name }}", "{{{", "}}", "{a,b}", "{", "{{/* x */}}", "{{{{"]),
        ("semicolon", vec![";", "a;b", "; rm x", r"\;", r"a\\;b"]),
        ("bang", vec!["!", "a!b", r"\!", "!!"]),
        ("thresholds", vec!["~:10", "~", "@5:6", "10:", "a:~", "a=~/x", "~root"]),
        ("backslash", vec![r"\", r"a\b", r"\\", r"\n", r"C:\dir\", r"\\\"]),
        ("trailing_backslash", vec!["a", r"ends in \"]),
        ("globs", vec!["*", "/*", "?", "[a-z]", "a*b?c[!d]", "**"]),
        ("tab", vec!["\t", "a\tb", "\ttab first", "tab last\t"]),
        ("carriage_return", vec!["\r", "a\rb", "a\r"]),
        ("control", vec!["\u{1}", "a\u{7}b", "\u{1b}[31m", "\u{7f}"]),
        ("non_ascii", vec!["é", "漢字", "Ω≈ç", "🙂", "à", "\u{a0}", "e\u{301}", "\u{202e}x"]),
        ("ldap_filter", vec!["(&(objectClass=group)(cn=q-*)(!(x=y))(|(a=1)(b=2)))", r"(cn=\28x\29)"]),
        ("json_path", vec!["$.data.result[0].value[1]", "$..book[?(@.price<10)]", "$['a b'][*]"]),
        (
            "promql",
            vec!["sum(rate(x{dc=\"iad2\",job!~\"a|b\"}[5m])) by (le) > 0.5", "count(up{dc=\"x\"}==1)"],
        ),
        ("no_value", vec!["<no value>", "a <no value> b"]),
        ("no_value_in_parts", vec!["<no", "value>", "<no  value>"]),
        ("token", vec![":::name:::", ":::", "a:::b|c:::"]),
        ("colons", vec!["::", "a::b", "::1", ":", "[::1]:443"]),
        ("comment", vec!["#", "# x", "a #b", "#!", "// x", "/* x */"]),
        ("percent", vec!["%", "%d%s%n", "100%", "%%", "%{http_code}"]),
        ("leading_blanks", vec!["   leading", "\t lead", "trailing   "]),
        ("pipe_and_and", vec!["|", "a|b", "||", "&", "&&", "a && b", "2>&1", ">x", "<x", "(", ")"]),
        ("newline", vec!["a\nb", "\n"]),
        ("options", vec!["-", "--", "-x", "--a=b", "--=", "-e", "-n"]),
        ("assignments", vec!["a=b", "=", "=a", "A=$B", "IFS="]),
        ("reserved_words", vec!["if", "then", "fi", "do", "done", "{", "}", "time", "!", "[[", "null"]),
        ("regex", vec![r"^\d+(\.\d+)?$", "a|b", r"\bfoo\b", "[^x]*", "(?i)x"]),
        ("icinga_strings", vec!["{{{ x }}}", "\" + \"", "$host.name$", "\\\"", "$if$"]),
        ("long", vec![&long]),
    ];
    lists
        .into_iter()
        .map(|(name, list)| {
            let last = list.last().copied().unwrap_or_default().to_owned();
            let case = Case::new(name, list.into_iter().map(str::to_owned));
            Case { env: BTreeMap::from([("PROBE".to_owned(), last)]), ..case }
        })
        .collect()
}

/// Pieces that random arguments are made of.
const PIECES: &[&str] = &[
    "'", "\"", "\\", "$", "${", "}", "$(", ")", "`", "*", "?", "[", "]", "~", "!", "#", "&", "|", ";", "<",
    ">", " ", "  ", "\t", "\r", "{{", "}}", "{", "$ARG1$", "$$", "$USER1$", "$x$", "%", "=", "--", "-", ":",
    "::", "@", ",", ".", "/", "a", "b", "0", "10", "é", "漢", "\u{1}", "\u{7f}", "{a,b}", "\\;", "\\'",
    "\\n", "if", "null", "//", "/*", "*/",
];
/// Pieces that some engine cannot be given, which are to be rare.
const RARE: &[&str] = &["\n", ":::", "<no value>"];

/// [`RANDOM`] lists, always the same.
pub fn random() -> Vec<Case> {
    let argument = prop::collection::vec(
        prop_oneof![
            80 => prop::sample::select(PIECES).prop_map(str::to_owned),
            15 => any::<char>().prop_filter("no argument holds NUL", |&c| c != '\0' && c != '\n').prop_map(String::from),
        ],
        0..7,
    )
    .prop_map(|pieces| pieces.concat());
    let rare = prop_oneof![
        19 => Just(None),
        1 => prop::sample::select(RARE).prop_map(|piece| Some(piece.to_owned())),
    ];
    let list = (prop::collection::vec(argument, 0..9), rare);
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&SEED.to_le_bytes());
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &seed));
    (0..RANDOM)
        .map(|number| {
            let (mut list, rare) = list.new_tree(&mut runner).expect("make a list").current();
            list.extend(rare);
            Case::new(&format!("r{number:03}"), list)
        })
        .collect()
}

/// A folder with the plugin in it, which the agents' user may run and write records to.
pub struct Probe {
    folder: TempDir,
}

impl Probe {
    /// Puts the plugin there.
    pub fn new() -> Probe {
        let folder = open_folder();
        // By another process: one that has it open for writing could be forked meanwhile, and then nobody may run it.
        let copied =
            Command::new("cp").arg(env!("CARGO_BIN_EXE_record-argv")).arg(folder.path().join(NAME)).status();
        assert!(copied.expect("start cp").success(), "cp failed");
        let out = folder.path().join("out");
        fs::create_dir(&out).expect("make a folder for the records");
        fs::set_permissions(&out, Permissions::from_mode(0o777)).expect("open the folder");
        Probe { folder }
    }

    /// The folder of the plugin.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder with its slash.
    pub fn prefix(&self) -> String {
        format!("{}/", self.folder.path().display())
    }

    /// A file of the folder, written.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("write a file");
        path
    }

    /// What was written down for a case; none before it ran.
    pub fn record(&self, case: &Case) -> Option<Vec<u8>> {
        fs::read(self.folder.path().join("out").join(&case.name)).ok()
    }

    /// How many cases have run.
    pub fn count(&self, cases: &[&Case]) -> usize {
        cases.iter().filter(|case| self.record(case).is_some()).count()
    }

    /// Each of these cases has run, and the plugin was called as it says.
    #[track_caller]
    pub fn assert_unchanged(&self, engine: &str, cases: &[&Case], command: impl Fn(&Case) -> String) {
        for case in cases {
            let record = self.record(case);
            let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace('\0', "\u{2400}");
            assert!(
                record.as_deref() == Some(&case.record()),
                "{engine}, seed {SEED:#x}, {}: {}\n given {}\n came  {}",
                case.name,
                command(case),
                shown(&case.record()),
                record.as_deref().map_or_else(|| "never ran".to_owned(), shown),
            );
        }
    }
}
