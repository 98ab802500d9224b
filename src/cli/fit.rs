//! `surgesim fit`: an access log becomes a scenario's workload.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use super::args::{Fit, LogForm, LogUnit};
use super::{Exit, complain, print};
use crate::document::{Code, Diagnostic, Diagnostics, Sources};
use crate::experiment::fit::{Broken, Form, LogError, TimeUnit, read};
use crate::report::{count, fitted_scenario, fitted_summary, write_whole};

pub(super) fn fit(arguments: &Fit) -> Exit {
    let form = match arguments.format {
        LogForm::Auto => None,
        LogForm::Nginx => Some(Form::Nginx),
        LogForm::Alb => Some(Form::Alb),
        LogForm::Json => Some(Form::Json),
        LogForm::Otlp => Some(Form::Otlp),
    };
    let unit = match arguments.unit {
        LogUnit::S => TimeUnit::Seconds,
        LogUnit::Ms => TimeUnit::Milliseconds,
        LogUnit::Us => TimeUnit::Microseconds,
        LogUnit::Ns => TimeUnit::Nanoseconds,
    };
    let log = match open(&arguments.log) {
        Ok(log) => log,
        Err(error) => return say(Code::UnreadableFile, &format!("{}: {error}", arguments.log), ""),
    };
    let fitted = match read(log, form, unit) {
        Ok(fitted) => fitted,
        Err(error) => return refuse(&arguments.log, error),
    };
    let name = match arguments.log.as_str() {
        "-" => "standard input".to_owned(),
        path => Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned(),
    };
    let scenario = fitted_scenario(&fitted, &name);
    if !arguments.quiet {
        let _ = io::stderr().write_all(fitted_summary(&fitted).as_bytes());
    }
    match &arguments.output {
        None => print(&scenario),
        Some(path) => match write_whole(path, scenario.as_bytes()) {
            Ok(()) => Exit::Done,
            Err(error) => complain(&error.to_string()),
        },
    }
}

/// The log, unpacked by its name.
fn open(path: &str) -> io::Result<Box<dyn Read>> {
    if path == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::other("it is a folder"));
    }
    let file = io::BufReader::new(file);
    let name = path.to_lowercase();
    Ok(if name.ends_with(".gz") {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if name.ends_with(".bz2") {
        Box::new(bzip2::bufread::MultiBzDecoder::new(file))
    } else {
        Box::new(file)
    })
}

fn say(code: Code, message: &str, help: &str) -> Exit {
    let mut found = Diagnostics::new();
    found.push(Diagnostic::new(code, None, message.to_owned()).help(help.to_owned()));
    let _ = io::stderr().write_all(found.render(&Sources::new(), false).as_bytes());
    Exit::BadScenario
}

fn lines(broken: &Broken) -> String {
    let lines = broken.first.iter().map(|(line, why)| format!("\n  line {line}: {why}"));
    lines.collect::<Vec<_>>().concat()
}

fn refuse(log: &str, error: LogError) -> Exit {
    match error {
        LogError::Unreadable(error) => say(Code::UnreadableFile, &format!("{log}: {error}"), ""),
        LogError::UnknownForm(reasons) => {
            let reasons = reasons.iter().map(|(form, why)| format!("\n  as {form}: {why}"));
            let reasons = reasons.collect::<Vec<_>>().concat();
            say(
                Code::BadTrace,
                &format!("{log}: its form is not known{reasons}"),
                "say it with `--format nginx|alb|json|otlp`, to see what is wrong with each line",
            )
        }
        LogError::Empty(all, broken) => {
            let message = match broken.count {
                0 => format!("{log}: there is no request in it ({} lines)", count(all)),
                n => format!("{log}: none of its {} lines can be read{}", count(n), lines(&broken)),
            };
            say(Code::BadTrace, &message, "is it an access log of the form that `--format` says?")
        }
    }
}
