//! `replay: {file: trace.csv}`: recorded requests with their times, endpoints, keys, sizes and demands.
//!
//! Columns: `at` (seconds, or a time of day that counts from the first row), `endpoint`, and, if there,
//! `key` and `size`; every other column is a demand that steps use as `$name`. Rows are sorted by time.

use std::sync::Arc;

use crate::document::distribution_text::Of;
use crate::document::{Code, Diagnostics, Node};
use crate::scenario::beside::Beside;
use crate::scenario::fields::{Fields, observed, text};
use crate::scenario::trace::timestamp;

/// Rows of one trace at most.
const MOST_ROWS: usize = 20_000_000;

/// A recorded request.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::scenario) struct Recorded {
    pub(in crate::scenario) at: f64,
    pub(in crate::scenario) endpoint: u16,
    pub(in crate::scenario) key: Option<u64>,
    pub(in crate::scenario) size: u64,
}

/// One client's trace.
#[derive(Clone, Debug)]
pub(in crate::scenario) struct Trace {
    /// The client's position among the clients.
    pub(in crate::scenario) client: usize,
    /// Names of the endpoints, in order of first use.
    pub(in crate::scenario) endpoints: Vec<String>,
    pub(in crate::scenario) rows: Vec<Recorded>,
    /// Where its rows begin in the columns.
    pub(in crate::scenario) first: u32,
}

/// All traces of a scenario and the columns that steps may use.
#[derive(Clone, Debug, Default)]
pub(in crate::scenario) struct Replays {
    pub(in crate::scenario) traces: Vec<Trace>,
    pub(in crate::scenario) names: Vec<String>,
    pub(in crate::scenario) columns: Vec<Vec<f64>>,
}

impl Replays {
    /// Reads the traces of all clients, before anything that may use their columns.
    pub(in crate::scenario) fn read(
        clients: Option<&Node>,
        beside: &Beside<'_>,
        found: &mut Diagnostics,
    ) -> Self {
        let mut replays = Self::default();
        for (client, (_, node)) in clients.map_or(&[][..], Node::entries).iter().enumerate() {
            let Some(node) = node.get("replay").filter(|node| !node.is_null()) else { continue };
            let mut fields = Fields::of(node, "`replay`", found);
            let file = fields.need("file", found);
            fields.finish(found);
            let Some(file) = file else { continue };
            let Some(name) = text(file, found) else { continue };
            let Some(body) = beside.read(file, name, found) else { continue };
            if let Err(why) = replays.add(client, &body) {
                let help = "the columns are `at, endpoint`, and, if there, `key`, `size` and named demands";
                found.add(Code::UnreadableFile, file.place, format!("`{name}`: {why}"), help);
            }
        }
        replays
    }

    /// The mean of a column, for forecasts.
    pub(in crate::scenario) fn mean(&self, column: usize) -> f64 {
        let values = &self.columns[column];
        values.iter().sum::<f64>() / values.len().max(1) as f64
    }

    pub(in crate::scenario) fn shared(self) -> Arc<Vec<Vec<f64>>> {
        Arc::new(self.columns)
    }

    fn add(&mut self, client: usize, body: &str) -> Result<(), String> {
        let mut reader =
            csv::ReaderBuilder::new().comment(Some(b'#')).trim(csv::Trim::All).from_reader(body.as_bytes());
        let header = reader.headers().map_err(|e| e.to_string())?.clone();
        let column = |name: &str| header.iter().position(|h| h == name);
        let need = |name: &str| column(name).ok_or_else(|| format!("there is no column `{name}`"));
        let (at, endpoint, key, size) = (need("at")?, need("endpoint")?, column("key"), column("size"));
        let named: Vec<(usize, usize)> = header
            .iter()
            .enumerate()
            .filter(|(_, h)| !matches!(*h, "at" | "endpoint" | "key" | "size"))
            .map(|(here, name)| {
                let known = self.names.iter().position(|n| n == name).unwrap_or_else(|| {
                    self.names.push(name.to_owned());
                    self.columns.push(Vec::new());
                    self.names.len() - 1
                });
                (here, known)
            })
            .collect();
        let first = self.columns.iter().map(Vec::len).max().unwrap_or(0);
        let first = self.traces.last().map_or(first, |t| (t.first as usize + t.rows.len()).max(first));
        let (mut endpoints, mut origin): (Vec<String>, _) = (Vec::new(), None);
        let mut rows: Vec<(Recorded, Vec<f64>)> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|e| e.to_string())?;
            let line = record.position().map_or(0, csv::Position::line);
            if first + rows.len() >= MOST_ROWS {
                return Err("there are more than 20 M rows".to_owned());
            }
            let cell = |at: usize| record.get(at).unwrap_or("");
            let written = cell(at);
            let seconds = observed(written, Of::Time).or_else(|| {
                let absolute = timestamp(written)?;
                Some(absolute - *origin.get_or_insert(absolute))
            });
            let seconds = seconds.filter(|s| (0.0..=366.0 * 86_400.0).contains(s));
            let seconds = seconds.ok_or_else(|| format!("line {line}: `{written}` is no time"))?;
            let name = cell(endpoint);
            let operation = match endpoints.iter().position(|e| e == name) {
                Some(known) => known,
                None if name.is_empty() => return Err(format!("line {line}: the endpoint is missing")),
                None if endpoints.len() >= 1_000 => {
                    return Err("there are more than 1000 endpoints".to_owned());
                }
                None => {
                    endpoints.push(name.to_owned());
                    endpoints.len() - 1
                }
            };
            let key = match key.map(cell).filter(|k| !k.is_empty()) {
                Some(text) => {
                    // A key that is no number is known by its hash.
                    let hash = || {
                        crate::base::random::Key::default().named(crate::base::random::StreamName::new(text))
                    };
                    Some(text.parse().unwrap_or_else(|_| hash().bits() >> 1))
                }
                None => None,
            };
            let size = match size.map(cell).filter(|s| !s.is_empty()) {
                Some(text) => {
                    observed(text, Of::Size).ok_or_else(|| format!("line {line}: `{text}` is no size"))?
                }
                None => 0.0,
            };
            let mut demands = Vec::with_capacity(named.len());
            for (here, _) in &named {
                let text = cell(*here);
                let value = observed(text, Of::Time).or_else(|| observed(text, Of::Size));
                demands.push(value.ok_or_else(|| format!("line {line}: `{text}` is no demand"))?);
            }
            rows.push((
                Recorded { at: seconds, endpoint: operation as u16, key, size: size as u64 },
                demands,
            ));
        }
        if rows.is_empty() {
            return Err("there are no rows".to_owned());
        }
        rows.sort_by(|a, b| a.0.at.total_cmp(&b.0.at));
        for column in &mut self.columns {
            column.resize(first, 0.0);
        }
        for (_, demands) in &rows {
            for ((_, column), value) in named.iter().zip(demands) {
                self.columns[*column].push(*value);
            }
        }
        let rows = rows.into_iter().map(|(row, _)| row).collect();
        self.traces.push(Trace { client, endpoints, rows, first: first as u32 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_several_traces_do_not_mix() {
        let mut replays = Replays::default();
        replays.add(0, "at,endpoint,work\n0.5,GET /,10ms\n0.1,GET /,0.02\n").unwrap();
        replays.add(1, "at,endpoint,key,size,work,pages\n1,POST /,7,2KB,0.5,3\n").unwrap();
        assert_eq!(replays.names, ["work", "pages"]);
        assert_eq!(replays.columns, [vec![0.02, 0.01, 0.5], vec![0.0, 0.0, 3.0]]);
        assert_eq!((replays.traces[0].rows[0].at, replays.traces[1].first), (0.1, 2));
        assert_eq!(replays.traces[1].rows[0], Recorded { at: 1.0, endpoint: 0, key: Some(7), size: 2000 });
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let wrong = |body: &str| Replays::default().add(0, body).unwrap_err();
        assert_eq!(wrong("time,endpoint\n"), "there is no column `at`");
        assert_eq!(wrong("at,endpoint\nsoon,GET /\n"), "line 2: `soon` is no time");
        assert_eq!(wrong("at,endpoint,work\n1,GET /,\n"), "line 2: `` is no demand");
        assert_eq!(wrong("at,endpoint\n"), "there are no rows");
    }
}
