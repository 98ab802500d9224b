//! Floor 8: arguments, commands, exit codes. Data goes to standard output, talk to standard error.

mod args;
mod cache;
mod check;
mod compare;
mod exit;
mod explain;
mod explain_moment;
mod fit;
mod format;
mod graph;
mod load;
mod plan;
mod points;
mod run;
mod simulate;
mod sweep;

pub use args::command;
pub use exit::Exit;

use std::ffi::OsString;
use std::io::{self, Write as _};

use clap::Parser as _;

/// Runs the program with these arguments, the program's own name first.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments = match args::Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Done };
        }
    };
    match arguments.command {
        args::Command::Run(run) => run::run(&run),
        args::Command::Compare(compare) => compare::compare(&compare),
        args::Command::Sweep(sweep) => sweep::sweep(&sweep),
        args::Command::Plan(plan) => plan::plan(&plan),
        args::Command::Check(check) => check::check(&check),
        args::Command::Graph(graph) => graph::graph(&graph),
        args::Command::Fit(fit) => fit::fit(&fit),
        args::Command::Cache(cache) => cache::cache(&cache),
        args::Command::Explain(explain) => explain::explain(&explain),
        args::Command::Schema => print(&format!("{:#}\n", crate::scenario::schema::schema())),
        args::Command::Init => print(load::STARTER),
        args::Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command(), "surgesim", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        args::Command::Man => {
            let mut page = Vec::new();
            match clap_mangen::Man::new(command()).render(&mut page) {
                Ok(()) => print(&String::from_utf8_lossy(&page)),
                Err(error) => complain(&error.to_string()),
            }
        }
    }
}

/// Writes data to standard output; a reader that has gone away is no failure.
fn print(text: &str) -> Exit {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> Exit {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Exit::Done,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Done,
        Err(error) => complain(&format!("standard output: {error}")),
    }
}

/// Says on standard error why something could not be done.
fn complain(why: &str) -> Exit {
    let _ = writeln!(io::stderr(), "error: {why}");
    Exit::Failed
}
