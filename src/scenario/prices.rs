//! `prices:`: what components of this scenario and its traffic cost.
//!
//! A component's entry stands by its name: the price of an instance (`app: $0.20/h`), or a mapping. What is
//! not named falls under `any KIND`, and a preset lies under both. Traffic as a whole stands beside them.

use super::beside::Beside;
use super::components::Names;
use super::fields::{Fields, entries, resolve, scalar};
use super::model::Prices;
use super::vocabulary::KINDS;
use crate::base::{Price, PriceUnit};
use crate::document::{Code, Diagnostics, Key, Node, Value, did_you_mean, quantity};
use crate::metrics::{Charge, Tariff};

/// Before the name of a kind.
const ANY: &str = "any ";

/// A kind that price lists have, whether or not a scenario can have one.
const QUEUE: &str = "queue";

/// What a component can be charged for, and how each is priced.
const OF_COMPONENT: [Charge; 9] = [
    Charge::Instance,
    Charge::Core,
    Charge::Memory,
    Charge::Storage,
    Charge::Requests,
    Charge::Reads,
    Charge::Writes,
    Charge::CapacityUnits,
    Charge::Egress,
];

/// What traffic as a whole is charged for.
const OF_TRAFFIC: [Charge; 3] = [Charge::Egress, Charge::WithinZones, Charge::AcrossZones];

/// How a charge is priced: whether a unit fits, what it is in words, and how to write it.
fn form(charge: Charge, unit: PriceUnit) -> (bool, &'static str, &'static str) {
    match charge {
        Charge::Instance | Charge::Core | Charge::CapacityUnits => {
            (unit == PriceUnit::Hour, "per hour", "$0.20/h")
        }
        Charge::Memory | Charge::Storage => (
            matches!(unit, PriceUnit::ByteHours(_) | PriceUnit::ByteMonths(_)),
            "per size and time",
            "$0.115/GB/month",
        ),
        Charge::Requests | Charge::Reads | Charge::Writes => {
            (matches!(unit, PriceUnit::Count(_)), "per number", "$0.40/1M")
        }
        Charge::Egress | Charge::WithinZones | Charge::AcrossZones => {
            (matches!(unit, PriceUnit::Bytes(_)), "per size", "$0.09/GB")
        }
    }
}

fn tariff(
    charge: Charge,
    node: &Node,
    beside: &Beside<'_>,
    found: &mut Diagnostics,
) -> Option<(Charge, Tariff)> {
    let price: Price = scalar(node, quantity::price, found)?;
    let (fits, words, example) = form(charge, price.per);
    if !fits {
        let name = charge.words().0;
        let message = match charge {
            Charge::Instance => format!("a component is priced {words}"),
            _ => format!("`{name}` is priced {words}"),
        };
        found.add(Code::UnknownUnit, node.place, message, format!("write `{example}`"));
        return None;
    }
    Some((charge, Tariff { price, unverified: beside.is_of_a_preset(node.place) }))
}

/// The price of an instance, or a mapping of prices.
fn component(node: &Node, beside: &Beside<'_>, found: &mut Diagnostics) -> Vec<(Charge, Tariff)> {
    if !matches!(node.value, Value::Map(_)) {
        return tariff(Charge::Instance, node, beside, found).into_iter().collect();
    }
    let mut fields = Fields::of(node, "`price`", found);
    let mut all = Vec::new();
    for charge in OF_COMPONENT {
        if let Some(node) = fields.get(charge.words().0) {
            all.extend(tariff(charge, node, beside, found));
        }
    }
    fields.finish(found);
    all
}

fn is_traffic(key: &Key) -> Option<Charge> {
    OF_TRAFFIC.into_iter().find(|charge| charge.words().0 == key.name)
}

/// Reads the block.
pub(super) fn read(
    node: Option<&Node>,
    names: &Names,
    beside: &Beside<'_>,
    found: &mut Diagnostics,
) -> Prices {
    let mut prices = Prices::default();
    for (key, value) in entries(node, "`prices`", found) {
        if key.name == "preset" {
            continue;
        }
        if let Some(charge) = is_traffic(key) {
            prices.traffic.extend(tariff(charge, value, beside, found));
        } else if let Some(kind) = key.name.strip_prefix(ANY) {
            if KINDS.contains(&kind) || kind == QUEUE {
                prices.kinds.push((kind.to_owned(), component(value, beside, found)));
            } else {
                let message = format!("there is no kind `{kind}`");
                found.add(Code::UnknownKind, key.place, message, did_you_mean(kind, KINDS));
            }
        } else {
            let at = Node { value: Value::Null, place: key.place };
            resolve(&at, &key.name, names.components(), Code::UnknownComponent, "component", found);
            prices.components.push((key.name.clone(), component(value, beside, found)));
        }
    }
    prices
}
