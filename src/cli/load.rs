//! From a file's name to models, their catalogs and their claims, or to all that is wrong.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::base::{SimDuration, SimTime};
use crate::document::{Code, Diagnostic, Diagnostics, Fault, Node, Place, Sources, Style, Value};
use crate::event_graph::{CallGraph, Forecast, catalog, forecast, warnings};
use crate::metrics::{Catalog, MetricReference, Window, expression, windows_of};
use crate::scenario::model::{Claim, ClaimWindow, Model};
use crate::scenario::{Beside, Files, merge, read_model, spelt_out};
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
    pub(super) forecast: Forecast,
    /// The files and lines of its objectives, and of its expectations.
    pub(super) written_at: [Vec<Option<(String, u32)>>; 2],
}

/// All designs of a file, and what is worth a warning, rendered.
pub(super) struct Loaded {
    pub(super) designs: Vec<Design>,
    pub(super) warnings: String,
}

impl Design {
    /// The windows that its claims speak of.
    pub(super) fn windows(&self) -> Vec<(SimTime, SimTime)> {
        windows_of(
            self.objectives.iter().chain(&self.expectations).map(|clause| (&clause.condition, clause.window)),
        )
    }
}

/// Why a file could not be read, in the same words on every system.
fn why(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file".to_owned(),
        std::io::ErrorKind::PermissionDenied => "it may not be read".to_owned(),
        std::io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
        _ => error.to_string(),
    }
}

/// The folder that a scenario's names are relative to.
pub(super) struct Folder(PathBuf);

impl Files for Folder {
    fn read(&self, name: &str) -> Result<String, String> {
        let path = self.0.join(name);
        let real = path.canonicalize().map_err(|e| why(&e))?;
        let about = std::fs::metadata(&real).map_err(|e| why(&e))?;
        // A pipe or a device might never end.
        if !about.is_file() {
            return Err("it is no file".to_owned());
        }
        if about.len() > LARGEST {
            return Err("it is larger than 256 MiB".to_owned());
        }
        std::fs::read_to_string(&real).map_err(|e| why(&e))
    }

    fn leads_out(&self, name: &str) -> bool {
        let (inside, real) = (self.0.canonicalize(), self.0.join(name).canonicalize());
        matches!((inside, real), (Ok(inside), Ok(real)) if !real.starts_with(&inside))
    }
}

/// The designs in `file`; mistakes are rendered into the error.
pub(super) fn designs(file: &str, settings: &[String], only: Option<&str>) -> Result<Vec<Design>, String> {
    everything(file, settings, only).map(|loaded| loaded.designs)
}

/// The designs in `file` as text, with every default and preset; several are several YAML documents.
pub(super) fn spelt_out(file: &str, settings: &[String], only: Option<&str>) -> Result<String, String> {
    let read = read(file, settings, only)?;
    let mut found = read.found;
    let beside = Beside::new(&read.folder, &read.sources);
    for tree in &read.designs {
        let _ = read_model(&tree.name, &tree.tree, &beside, &mut found);
    }
    if found.has_errors() || read.designs.is_empty() {
        return Err(found.render(&read.sources, false));
    }
    let texts = read
        .designs
        .iter()
        .map(|tree| format!("# {file}: {}\n{}", tree.name, spelt_out::spell_out(tree, file, &read.sources)));
    Ok(texts.collect::<Vec<_>>().join("---\n"))
}

/// What a file and the flags say, merged, before it has a type.
struct Trees {
    designs: Vec<merge::Design>,
    sources: Sources,
    found: Diagnostics,
    folder: Folder,
}

/// Everything in `file`; mistakes are rendered into the error.
pub(super) fn everything(file: &str, settings: &[String], only: Option<&str>) -> Result<Loaded, String> {
    let Trees { designs: trees, sources, mut found, folder } = read(file, settings, only)?;
    let beside = Beside::new(&folder, &sources);
    let mut designs: Vec<Design> =
        trees.iter().filter_map(|tree| design(tree, &beside, &mut found)).collect();
    for design in &mut designs {
        let claims = [&design.model.objectives, &design.model.expectations];
        design.written_at =
            claims.map(|claims| claims.iter().map(|claim| written_at(file, claim.place, &sources)).collect());
    }
    let rendered = found.render(&sources, false);
    if found.has_errors() || designs.is_empty() {
        Err(rendered)
    } else {
        Ok(Loaded { designs, warnings: rendered })
    }
}

/// A tree as a design; what is wrong with it and worth a warning goes to `found`.
pub(super) fn design(tree: &merge::Design, beside: &Beside<'_>, found: &mut Diagnostics) -> Option<Design> {
    let mut own = Diagnostics::new();
    let mut design = None;
    if let Some(model) = read_model(&tree.name, &tree.tree, beside, &mut own) {
        let catalog = catalog(&model);
        let objectives = clauses(&model.objectives, &catalog, &mut own);
        let expectations = clauses(&model.expectations, &catalog, &mut own);
        let until = model.run.until.iter().flat_map(|until| &until.metrics);
        let shown = model.sweep.iter().flat_map(|sweep| &sweep.metrics);
        let named =
            until.map(|(name, _, place)| (name, place)).chain(shown.map(|(name, place)| (name, place)));
        for (name, place) in named {
            if let Err(unknown) = MetricReference::parse(name, &catalog) {
                let help = unknown.suggestion.as_ref().map_or_else(
                    || "name a metric of this scenario, such as `p99`".to_owned(),
                    |meant| format!("did you mean `{meant}`?"),
                );
                own.push(Diagnostic::new(Code::UnknownMetric, *place, unknown.message).help(help));
            }
        }
        let graph = CallGraph::of(&model);
        graph.report_endless(&mut own);
        graph.report_lost(&mut own);
        if !own.has_errors() {
            let forecast = forecast(&model, &graph);
            own.append(warnings(&model, &graph, &forecast));
            let written_at = [Vec::new(), Vec::new()];
            design = Some(Design { model, catalog, objectives, expectations, forecast, written_at });
        }
    }
    found.append(own);
    design
}

fn read(file: &str, settings: &[String], only: Option<&str>) -> Result<Trees, String> {
    let (text, folder) = opened(file)?;
    let (mut sources, mut found) = (Sources::new(), Diagnostics::new());
    let trees = merge::load(file, text, &folder, settings, only, &mut sources, &mut found);
    Ok(Trees { designs: trees, sources, found, folder })
}

/// The text of a scenario's file (`-`: standard input) and its folder.
pub(super) fn opened(file: &str) -> Result<(String, Folder), String> {
    let (text, folder) = if file == "-" {
        let mut text = String::new();
        std::io::stdin()
            .take(LARGEST)
            .read_to_string(&mut text)
            .map_err(|e| format!("standard input: {e}\n"))?;
        (text, PathBuf::from("."))
    } else {
        let problem = |why: String| format!("error: {file}: {why}\n");
        let about = std::fs::metadata(file).map_err(|e| problem(why(&e)))?;
        if about.is_dir() {
            return Err(problem("it is a folder".to_owned()));
        }
        if about.len() > LARGEST {
            return Err(problem("it is larger than 256 MiB".to_owned()));
        }
        let text = std::fs::read_to_string(file).map_err(|e| problem(why(&e)))?;
        let folder = Path::new(file).parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        (text, folder.to_owned())
    };
    Ok((text, Folder(folder)))
}

/// The file and the line of a place, as a path from where the program was called; none of a flag's.
fn written_at(main: &str, place: Place, sources: &Sources) -> Option<(String, u32)> {
    if place.source.is_first() {
        return Some((main.to_owned(), place.line)).filter(|_| main != "-");
    }
    let name = &sources.get(place.source)?.name;
    let folder = Path::new(main).parent()?;
    let is_file = !name.starts_with("--") && !name.starts_with("preset ");
    is_file.then(|| (folder.join(name).display().to_string(), place.line))
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
                let place = fault.span.map_or(claim.place, |(start, end)| within(claim, start, end));
                found.push(Diagnostic::new(fault.code, place, fault.message).help(fault.help));
            }
        }
    }
    clauses
}

/// The place of some bytes of a claim's text.
fn within(claim: &Claim, start: usize, end: usize) -> Place {
    let quoted = claim.place.end - claim.place.start == claim.text.len() + 2;
    let style = if quoted { Style::Quoted } else { Style::Plain };
    Node { value: Value::Scalar { text: claim.text.clone(), style }, place: claim.place }
        .place_within(start, end)
}
