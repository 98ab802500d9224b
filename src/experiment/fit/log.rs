//! Reading a log: which form it has, its lines, and those that are wrong.

use std::io::{self, BufRead, BufReader, Read};

use super::arrivals::Counts;
use super::endpoints::Endpoints;
use super::{Entry, Fitted, alb, json_lines, nginx, spans};

/// The longest line that is read.
const LONGEST_LINE: u64 = 1 << 20;

/// The largest document of spans that is not one to a line.
const LARGEST_DOCUMENT: u64 = 1 << 28;

/// Broken lines that are shown.
const SHOWN: usize = 5;

/// Lines by which the form is told.
const HEAD: usize = 20;

/// The form of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// nginx's combined log, with `$request_time` and `$upstream_response_time` behind it.
    Nginx,
    /// The access log of an AWS Application Load Balancer.
    Alb,
    /// A JSON object to a line.
    Json,
    /// OpenTelemetry's spans as JSON (OTLP).
    Otlp,
}

impl Form {
    /// All, by name.
    pub const ALL: [(&'static str, Self); 4] =
        [("nginx", Self::Nginx), ("alb", Self::Alb), ("json", Self::Json), ("otlp", Self::Otlp)];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, form)| *form == self).map_or("?", |(name, _)| name)
    }
}

/// The unit of a duration that is written as a bare number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Milliseconds.
    Milliseconds,
    /// Microseconds.
    Microseconds,
    /// Nanoseconds.
    Nanoseconds,
}

impl TimeUnit {
    /// Seconds of one.
    #[must_use]
    pub const fn seconds(self) -> f64 {
        match self {
            Self::Seconds => 1.0,
            Self::Milliseconds => 1e-3,
            Self::Microseconds => 1e-6,
            Self::Nanoseconds => 1e-9,
        }
    }
}

/// Lines that could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    /// How many.
    pub count: u64,
    /// The first few: number, and why.
    pub first: Vec<(u64, String)>,
}

impl Broken {
    fn add(&mut self, line: u64, why: String) {
        self.count += 1;
        if self.first.len() < SHOWN {
            self.first.push((line, why));
        }
    }
}

/// Why nothing can be said of a log.
#[derive(Debug)]
pub enum LogError {
    /// It cannot be read.
    Unreadable(io::Error),
    /// Its form is not known: the reason for each form.
    UnknownForm(Vec<(&'static str, String)>),
    /// There is no request in it: how many lines there are, and which are broken.
    Empty(u64, Broken),
}

/// What a line holds.
pub(super) enum Found {
    /// A request.
    Request(Entry),
    /// Nothing of interest.
    Nothing,
}

/// Parses one line; what it holds goes to `found`.
fn parse(form: Form, line: &str, unit: TimeUnit, found: &mut dyn FnMut(Found)) -> Result<(), String> {
    match form {
        Form::Nginx => found(Found::Request(nginx::entry(line)?)),
        Form::Alb => found(Found::Request(alb::entry(line)?)),
        Form::Json => found(Found::Request(json_lines::entry(line, unit)?)),
        Form::Otlp => spans::entries(&spans::json(line)?, found)?,
    }
    Ok(())
}

/// The form that can read the most of the first lines; spans before other JSON.
fn told_form(head: &[String], unit: TimeUnit) -> Result<Form, LogError> {
    let mut reasons = Vec::new();
    let mut best: Option<(usize, Form)> = None;
    for (name, form) in [Form::ALL[3], Form::ALL[2], Form::ALL[1], Form::ALL[0]] {
        let mut first = None;
        let read = head.iter().filter(|line| match parse(form, line, unit, &mut |_| {}) {
            Ok(()) => true,
            Err(why) => {
                first.get_or_insert(why);
                false
            }
        });
        let read = read.count();
        reasons.push((name, first.unwrap_or_default()));
        if read > 0 && best.is_none_or(|(most, _)| read > most) {
            best = Some((read, form));
        }
    }
    best.map(|(_, form)| form).ok_or(LogError::UnknownForm(reasons))
}

/// Lines with their numbers, none longer than allowed.
struct Lines<R> {
    reader: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next line; `Err` inside says why it cannot be taken.
    fn next(&mut self) -> io::Result<Option<(u64, Result<String, String>)>> {
        let mut bytes = Vec::new();
        let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if read as u64 == LONGEST_LINE && bytes.last() != Some(&b'\n') {
            // The rest of it is passed over without keeping it.
            loop {
                bytes.clear();
                let read = (&mut self.reader).take(LONGEST_LINE).read_until(b'\n', &mut bytes)?;
                if read == 0 || bytes.last() == Some(&b'\n') {
                    break;
                }
            }
            return Ok(Some((self.number, Err("the line is longer than 1 MiB".to_owned()))));
        }
        let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
        Ok(Some((self.number, Ok(text))))
    }
}

/// Everything that is kept of the lines.
#[derive(Default)]
struct Gathered {
    counts: Counts,
    endpoints: Endpoints,
    broken: Broken,
    requests: u64,
    skipped: u64,
    failed: u64,
    lines: u64,
}

impl Gathered {
    fn take(&mut self, found: Found) {
        match found {
            Found::Request(entry) => {
                self.requests += 1;
                self.failed += u64::from(entry.status >= 500);
                self.counts.add(entry.at);
                self.endpoints.add(&entry);
            }
            Found::Nothing => self.skipped += 1,
        }
    }

    fn line(&mut self, form: Form, number: u64, line: Result<String, String>, unit: TimeUnit) {
        self.lines += 1;
        let line = match line {
            Ok(line) if line.trim().is_empty() || line.starts_with('#') => return,
            Ok(line) => line,
            Err(why) => return self.broken.add(number, why),
        };
        if let Err(why) = parse(form, &line, unit, &mut |found| self.take(found)) {
            self.broken.add(number, why);
        }
    }

    fn finish(self, form: Form) -> Result<Fitted, LogError> {
        if self.requests == 0 {
            return Err(LogError::Empty(self.lines, self.broken));
        }
        let (endpoints, entities) = self.endpoints.finish();
        Ok(Fitted {
            form,
            requests: self.requests,
            skipped: self.skipped,
            broken: self.broken,
            arrivals: self.counts.finish(),
            endpoints,
            entities,
            failed: self.failed,
        })
    }
}

/// Reads a log; `form`: its form, if it is said; `unit`: of durations that are bare numbers.
///
/// # Errors
/// If it cannot be read, its form is not known, or no request is in it.
pub fn read(log: impl Read, form: Option<Form>, unit: TimeUnit) -> Result<Fitted, LogError> {
    let mut lines = Lines { reader: BufReader::with_capacity(1 << 16, log), number: 0 };
    let mut head: Vec<(u64, Result<String, String>)> = Vec::new();
    while head.len() < HEAD {
        let Some(line) = lines.next().map_err(LogError::Unreadable)? else { break };
        head.push(line);
    }
    let texts: Vec<String> = head
        .iter()
        .filter_map(|(_, line)| line.as_ref().ok())
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .cloned()
        .collect();
    let mut all = Gathered::default();
    // A document that is spread over lines: only spans come so.
    let opens = |text: &String| text.trim_start().starts_with(['{', '[']);
    let spread = texts.first().is_some_and(|text| opens(text) && spans::json(text).is_err());
    if spread && form.is_none_or(|form| form == Form::Otlp) {
        let mut document = String::new();
        for (_, line) in head {
            document.push_str(&line.unwrap_or_default());
            document.push('\n');
        }
        let rest = (&mut lines.reader).take(LARGEST_DOCUMENT).read_to_string(&mut document);
        rest.map_err(LogError::Unreadable)?;
        let tree = spans::json(&document);
        match tree.and_then(|tree| spans::entries(&tree, &mut |found| all.take(found))) {
            Ok(()) => return all.finish(Form::Otlp),
            Err(why) => return Err(LogError::UnknownForm(vec![("otlp", why)])),
        }
    }
    let form = match form {
        Some(form) => form,
        None if texts.is_empty() => return Err(LogError::Empty(head.len() as u64, Broken::default())),
        None => told_form(&texts, unit)?,
    };
    for (number, line) in head {
        all.line(form, number, line, unit);
    }
    while let Some((number, line)) = lines.next().map_err(LogError::Unreadable)? {
        all.line(form, number, line, unit);
    }
    all.finish(form)
}
