//! `surgesim explain`: a diagnostic code or a metric in words.

use super::{Exit, complain, print};
use crate::document::{Code, did_you_mean};
use crate::metrics::{EXPLANATIONS, explanation};

pub(super) fn explain(what: &str) -> Exit {
    if let Some(code) = Code::ALL.iter().find(|c| c.text().eq_ignore_ascii_case(what)) {
        return print(&format!(
            "{}: {}\n\n{}\n\n{}\n",
            code.text(),
            code.title(),
            code.explanation(),
            code.example()
        ));
    }
    if let Some(found) = explanation(what) {
        return print(&format!(
            "{what}: {}\n  unit     {}\n  formula  {}\n  limits   {}\n",
            found.meaning, found.unit, found.formula, found.limits
        ));
    }
    let names = EXPLANATIONS.iter().map(|e| e.name);
    complain(&format!("`{what}` is no code and no metric: {}", did_you_mean(what, names)));
    Exit::Usage
}
