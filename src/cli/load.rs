//! From a file's name to models, their catalogs and their claims, or to all that is wrong.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::base::{SimDuration, SimTime};
use crate::document::{Diagnostic, Diagnostics, Fault, Sources};
use crate::event_graph::catalog;
use crate::metrics::{Catalog, Window, expression, windows_of};
use crate::scenario::model::{Claim, ClaimWindow, Model};
use crate::scenario::{Beside, Files, merge, read_model};
use crate::verdict::Clause;

/// What `init` prints.
pub(super) const STARTER: &str = include_str!("starter.yaml");

/// The largest file that is read.
const LARGEST: u64 = 256 * 1024 * 1024;

/// One design, ready to run.
pub(super) struct Design {
    pub(super) model: Model,
    pub(super) catalog: Catalog,
    pub(super) objectives: Vec<Clause>,
    pub(super) expectations: Vec<Clause>,
}

impl Design {
    /// The windows that its claims speak of.
    pub(super) fn windows(&self) -> Vec<(SimTime, SimTime)> {
        windows_of(
            self.objectives.iter().chain(&self.expectations).map(|clause| (&clause.condition, clause.window)),
        )
    }
}

struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, name: &str) -> Result<String, String> {
        let path = self.0.join(name);
        // A link may not lead out of the folder either.
        let (inside, real) = (self.0.canonicalize(), path.canonicalize());
        let (inside, real) = (inside.map_err(|e| e.to_string())?, real.map_err(|e| e.to_string())?);
        if !real.starts_with(&inside) {
            return Err("it leads out of the scenario's folder".to_owned());
        }
        let size = std::fs::metadata(&real).map_err(|e| e.to_string())?.len();
        if size > LARGEST {
            return Err("it is larger than 256 MiB".to_owned());
        }
        std::fs::read_to_string(&real).map_err(|e| e.to_string())
    }
}

/// Everything in `file`; mistakes are rendered into the error.
pub(super) fn designs(file: &str, settings: &[String], only: Option<&str>) -> Result<Vec<Design>, String> {
    let (text, folder) = if file == "-" {
        let mut text = String::new();
        std::io::stdin()
            .take(LARGEST)
            .read_to_string(&mut text)
            .map_err(|e| format!("standard input: {e}\n"))?;
        (text, PathBuf::from("."))
    } else {
        let bytes = std::fs::metadata(file).map_err(|e| format!("error: {file}: {e}\n"))?.len();
        if bytes > LARGEST {
            return Err(format!("error: {file} is larger than 256 MiB\n"));
        }
        let text = std::fs::read_to_string(file).map_err(|e| format!("error: {file}: {e}\n"))?;
        let folder = Path::new(file).parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        (text, folder.to_owned())
    };
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let folder = Folder(folder);
    let trees = merge::load(file, text, &folder, settings, only, &mut sources, &mut found);
    let mut designs = Vec::new();
    let beside = Beside::new(&folder, &sources);
    for tree in &trees {
        let mut own = Diagnostics::new();
        if let Some(model) = read_model(&tree.name, &tree.tree, &beside, &mut own) {
            let catalog = catalog(&model);
            let objectives = clauses(&model.objectives, &catalog, &mut own);
            let expectations = clauses(&model.expectations, &catalog, &mut own);
            designs.push(Design { model, catalog, objectives, expectations });
        }
        found.append(own);
    }
    if found.has_errors() || designs.is_empty() { Err(found.render(&sources, false)) } else { Ok(designs) }
}

fn clauses(claims: &[Claim], catalog: &Catalog, found: &mut Diagnostics) -> Vec<Clause> {
    let mut clauses = Vec::new();
    for claim in claims {
        match expression::parse(&claim.text, catalog).map_err(Fault::from) {
            Ok(condition) => {
                let at = |s: f64| SimTime::ZERO + SimDuration::from_secs_f64(s);
                let window = match claim.window {
                    ClaimWindow::Run => Window::Run,
                    ClaimWindow::End => Window::End,
                    ClaimWindow::During(from, to) => Window::During(at(from), at(to)),
                };
                clauses.push(Clause {
                    text: claim.text.clone(),
                    during: claim.during.clone(),
                    window,
                    condition,
                });
            }
            Err(fault) => {
                found.push(Diagnostic::new(fault.code, claim.place, fault.message).help(fault.help))
            }
        }
    }
    clauses
}
