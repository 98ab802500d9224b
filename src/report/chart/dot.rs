//! A topology as DOT text for Graphviz.
//!
//! Names are written in quotes: backslash and quote escaped, and `&`, `<`, `>` as the entities that
//! Graphviz decodes, so that the text is also harmless inside a page.

use std::fmt::Write;

use super::topology::{NodeKind, Topology};

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Writes a topology as a directed graph from left to right.
pub fn render_dot(topology: &Topology) -> String {
    let mut out = String::from("digraph topology {\n    rankdir=LR;\n    node [fontname=\"Inter\"];\n");
    for (i, node) in topology.nodes.iter().enumerate() {
        let shape = match node.kind {
            NodeKind::Client => "oval",
            NodeKind::LoadBalancer => "hexagon",
            NodeKind::Service | NodeKind::Other => "box",
            NodeKind::Database => "cylinder",
            NodeKind::Cache => "component",
            NodeKind::Queue => "cds",
        };
        let detail =
            if node.detail.is_empty() { String::new() } else { format!("\\n{}", escape(&node.detail)) };
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(out, "    n{i} [shape={shape}, label=\"{}{detail}\"];", escape(&node.label));
    }
    for (from, to, label) in topology.links() {
        let label = if label.is_empty() { String::new() } else { format!(" [label=\"{}\"]", escape(label)) };
        let _ = writeln!(out, "    n{from} -> n{to}{label};");
    }
    out.push_str("}\n");
    out
}
