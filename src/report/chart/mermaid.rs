//! A topology as Mermaid text, which code hosts draw.
//!
//! Names are written in quotes with Mermaid's own entities (`#quot;`, `#lt;`), so no name can end
//! its quotes, open a Markdown string or put an element into a page.

use std::fmt::Write;

use super::topology::{NodeKind, Topology};

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("#quot;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            '#' => out.push_str("#35;"),
            '`' => out.push_str("#96;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Writes a topology as a Mermaid flowchart from left to right.
pub fn render_mermaid(topology: &Topology) -> String {
    let mut out = String::from("flowchart LR\n");
    for (i, node) in topology.nodes.iter().enumerate() {
        let (open, close) = match node.kind {
            NodeKind::Client => ("([", "])"),
            NodeKind::LoadBalancer => ("{{", "}}"),
            NodeKind::Service | NodeKind::Other => ("[", "]"),
            NodeKind::Database => ("[(", ")]"),
            NodeKind::Cache => ("(", ")"),
            NodeKind::Queue => ("[[", "]]"),
        };
        let detail =
            if node.detail.is_empty() { String::new() } else { format!("<br/>{}", escape(&node.detail)) };
        // Writing into a String cannot fail, here and below.
        let _ = writeln!(out, "    n{i}{open}\"{}{detail}\"{close}", escape(&node.label));
    }
    for (from, to, label) in topology.links() {
        let label = if label.trim().is_empty() { String::new() } else { format!("|\"{}\"|", escape(label)) };
        let _ = writeln!(out, "    n{from} -->{label} n{to}");
    }
    out
}
