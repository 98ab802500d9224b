//! The drawing of a topology: boxes in layers from left to right, calls as curves.
//!
//! Layered drawing after Sugiyama, Tagawa and Toda (1981): cycles are broken by a depth-first
//! search, a box's layer is the longest path to it, a call over several layers bends through a
//! placeholder in each, and four sweeps of barycentres order the layers. Not modelled: minimal
//! crossings (NP-hard) and right angles.

use std::collections::BTreeMap;

use super::font::{Weight, shorten, text_width};
use super::header::{MARGIN, Words};
use super::palette::{self, AXIS, GREY, INK, MUTED, PAPER};
use super::raster::{ChartError, rasterize};
use super::svg::{Anchor, Face, Svg, escape, num};

/// The components of a scenario and the calls between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// The scenario's name.
    pub title: String,
    /// What is to be known besides.
    pub subtitle: String,
    /// The components.
    pub nodes: Vec<Node>,
    /// The calls; one that names no node is left out.
    pub edges: Vec<Edge>,
}

/// A component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What edges refer to; the first node of an id counts.
    pub id: String,
    /// Its name.
    pub label: String,
    /// Its size in a few words ("3 × 4 cores"); may be empty.
    pub detail: String,
    /// What it is.
    pub kind: NodeKind,
}

/// A call from one component to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The id of the caller.
    pub from: String,
    /// The id of the callee.
    pub to: String,
    /// What is called; may be empty.
    pub label: String,
}

/// What a component is; decides its colour and its shape in Mermaid and DOT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// A source of requests.
    Client,
    /// A load balancer.
    LoadBalancer,
    /// A service.
    Service,
    /// A database.
    Database,
    /// A cache.
    Cache,
    /// A message queue.
    Queue,
    /// Anything else.
    Other,
}

impl NodeKind {
    const fn colour(self) -> &'static str {
        match self {
            Self::Client => GREY,
            Self::LoadBalancer => palette::TEAL,
            Self::Service => palette::BLUE,
            Self::Database => INK,
            Self::Cache => palette::CYAN,
            Self::Queue => palette::VIOLET,
            Self::Other => MUTED,
        }
    }
}

impl Topology {
    /// The edges as positions of nodes, with their labels.
    pub(super) fn links(&self) -> Vec<(usize, usize, &str)> {
        let mut by_id: BTreeMap<&str, usize> = BTreeMap::new();
        for (i, node) in self.nodes.iter().enumerate() {
            by_id.entry(&node.id).or_insert(i);
        }
        let ends = |edge: &Edge| Some((*by_id.get(&*edge.from)?, *by_id.get(&*edge.to)?));
        self.edges.iter().filter_map(|e| ends(e).map(|(from, to)| (from, to, e.label.as_str()))).collect()
    }
}

const NAME: Face = Face::new(13.0, Weight::SemiBold, INK);
const DETAIL: Face = Face::new(11.0, Weight::Regular, MUTED);
const CALL: Face = Face::new(11.0, Weight::Regular, MUTED);
const BOX_HEIGHT: f64 = 48.0;
/// From the top of one box to the top of the next one in a layer.
const ROW: f64 = 78.0;
/// The widest that a box and the label of a call become.
const BOX_WIDTH: f64 = 220.0;
const CALL_WIDTH: f64 = 150.0;

/// Draws a topology as SVG, as large as it needs to be.
pub fn render_topology_svg(topology: &Topology) -> String {
    let links = topology.links();
    let layout = Layout::of(topology, &links);
    let width = layout.width.max(480.0);
    let words = Words::of(&topology.title, &topology.subtitle, "", width);
    let top = words.above() + 14.0;
    let height = top + layout.height + words.below() + 10.0;
    let names: Vec<&str> = topology.nodes.iter().map(|node| node.label.as_str()).collect();
    let desc = format!("{} components, {} calls: {}", names.len(), links.len(), names.join(", "));
    let title = if topology.title.is_empty() { "Topology" } else { topology.title.as_str() };
    let mut svg = Svg::new(width, height, title, &desc);
    words.draw(&mut svg, height);
    svg.raw(format_args!("<g transform=\"translate(0 {})\">\n", num(top)));
    for (route, link) in layout.routes.iter().zip(&links) {
        draw_route(&mut svg, route, link.0 == link.1);
    }
    for (node, place) in topology.nodes.iter().zip(&layout.boxes) {
        draw_box(&mut svg, node, *place);
    }
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    for (route, link) in layout.routes.iter().zip(&links) {
        name_route(&mut svg, route, link, &mut taken);
    }
    svg.raw(format_args!("</g>\n"));
    svg.finish()
}

/// Draws a topology as PNG at twice the size of its SVG.
///
/// # Errors
/// [`ChartError::Size`], when the topology is too large for a bitmap.
pub fn render_topology_png(topology: &Topology) -> Result<Vec<u8>, ChartError> {
    rasterize(&render_topology_svg(topology))
}

/// Left edge, middle height and width of a box.
#[derive(Clone, Copy, Default)]
struct Place {
    x: f64,
    y: f64,
    width: f64,
}

struct Layout {
    boxes: Vec<Place>,
    /// From caller to callee; at least two points each.
    routes: Vec<Vec<(f64, f64)>>,
    width: f64,
    height: f64,
}

impl Layout {
    fn of(topology: &Topology, links: &[(usize, usize, &str)]) -> Self {
        let count = topology.nodes.len();
        let forward = break_cycles(count, links);
        let layer = longest_paths(count, &forward);
        let depth = layer.iter().max().map_or(0, |deepest| deepest + 1);
        // Placeholders are vertices behind the nodes; a chain is the way of one link.
        let mut layers: Vec<Vec<usize>> = vec![Vec::new(); depth];
        (0..count).for_each(|node| layers[layer[node]].push(node));
        let mut vertices = count;
        let mut chains = Vec::new();
        for &(from, to) in &forward {
            let mut chain = vec![from];
            for between in layers.iter_mut().take(layer[to]).skip(layer[from] + 1) {
                between.push(vertices);
                chain.push(vertices);
                vertices += 1;
            }
            chain.push(to);
            chains.push(chain);
        }
        order(&mut layers, &chains, vertices);

        let width_of = |node: &super::Node| {
            let name = text_width(&node.label, NAME.size, NAME.weight);
            let detail = text_width(&node.detail, DETAIL.size, DETAIL.weight);
            (name.max(detail) + 34.0).clamp(110.0, BOX_WIDTH)
        };
        let rows = layers.iter().map(Vec::len).max().unwrap_or(0);
        let height = (rows.max(1) as f64 - 1.0) * ROW + BOX_HEIGHT;
        let mut places = vec![Place::default(); vertices];
        let mut x = MARGIN;
        for (depth, members) in layers.iter().enumerate() {
            let boxes = members.iter().filter(|v| **v < count).map(|v| width_of(&topology.nodes[*v]));
            let widest = boxes.fold(0.0, f64::max);
            let first = height / 2.0 - (members.len() as f64 - 1.0) / 2.0 * ROW;
            for (row, &v) in members.iter().enumerate() {
                places[v] = Place { x, y: first + row as f64 * ROW, width: widest };
            }
            let calls = links.iter().zip(&forward).filter(|(_, f)| layer[f.0] == depth).map(|(l, _)| l.2);
            let label = calls.map(|call| text_width(call, CALL.size, CALL.weight)).fold(0.0, f64::max);
            x += widest + 70.0 + label.min(CALL_WIDTH);
            if depth + 1 == layers.len() {
                x = places[members[0]].x + widest;
            }
        }
        let routes = chains.iter().zip(&forward).zip(links);
        let routes = routes
            .map(|((chain, ends), link)| {
                let mut route = Vec::with_capacity(chain.len() * 2);
                for (i, &v) in chain.iter().enumerate() {
                    let place = places[v];
                    if i > 0 {
                        route.push((place.x, place.y));
                    }
                    if i + 1 < chain.len() {
                        route.push((place.x + place.width, place.y));
                    }
                }
                if ends.0 != link.0 {
                    // The way back lies below the way there.
                    for point in &mut route {
                        point.1 += 14.0;
                    }
                    route.reverse();
                }
                route
            })
            .collect();
        let boxes = places[..count].to_vec();
        Self { boxes, routes, width: x.max(MARGIN) + MARGIN, height }
    }
}

/// The links with those turned round that close a cycle; a call of itself stays.
fn break_cycles(count: usize, links: &[(usize, usize, &str)]) -> Vec<(usize, usize)> {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    for &(from, to, _) in links {
        next[from].push(to);
    }
    // The order of finishing: in it, a link that does not close a cycle ends before it starts.
    let mut finished = vec![usize::MAX; count];
    let mut seen = vec![false; count];
    let mut clock = 0;
    let mut called = vec![false; count];
    links.iter().filter(|l| l.0 != l.1).for_each(|l| called[l.1] = true);
    let (starts, others): (Vec<usize>, Vec<usize>) = (0..count).partition(|&node| !called[node]);
    for root in starts.into_iter().chain(others) {
        let mut stack = vec![(root, 0)];
        if std::mem::replace(&mut seen[root], true) {
            continue;
        }
        while let Some((node, child)) = stack.pop() {
            let Some(&to) = next[node].get(child) else {
                finished[node] = clock;
                clock += 1;
                continue;
            };
            stack.push((node, child + 1));
            if !std::mem::replace(&mut seen[to], true) {
                stack.push((to, 0));
            }
        }
    }
    let turn = |&(from, to, _): &(usize, usize, &str)| {
        if finished[from] >= finished[to] { (from, to) } else { (to, from) }
    };
    links.iter().map(turn).collect()
}

/// The longest path to each node; the links must be free of cycles but for calls of oneself.
fn longest_paths(count: usize, forward: &[(usize, usize)]) -> Vec<usize> {
    let mut next: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut waits = vec![0; count];
    for &(from, to) in forward.iter().filter(|(from, to)| from != to) {
        next[from].push(to);
        waits[to] += 1;
    }
    let mut layer = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|&node| waits[node] == 0).collect();
    while let Some(node) = ready.pop() {
        for &to in &next[node] {
            layer[to] = layer[to].max(layer[node] + 1);
            waits[to] -= 1;
            if waits[to] == 0 {
                ready.push(to);
            }
        }
    }
    layer
}

/// Sorts each layer by the mean place of its neighbours in the layer before, then after, four times.
fn order(layers: &mut [Vec<usize>], chains: &[Vec<usize>], vertices: usize) {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); vertices];
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); vertices];
    for pair in chains.iter().flat_map(|chain| chain.windows(2)).filter(|pair| pair[0] != pair[1]) {
        after[pair[0]].push(pair[1]);
        before[pair[1]].push(pair[0]);
    }
    let mut place = vec![0.0; vertices];
    let note = |place: &mut Vec<f64>, members: &[usize]| {
        let middle = (members.len() as f64 - 1.0) / 2.0;
        members.iter().enumerate().for_each(|(row, &v)| place[v] = row as f64 - middle);
    };
    for members in layers.iter() {
        note(&mut place, members);
    }
    for sweep in 0..4 {
        let neighbours = if sweep % 2 == 0 { &before } else { &after };
        for i in 0..layers.len() {
            let i = if sweep % 2 == 0 { i } else { layers.len() - 1 - i };
            let barycentre = |v: usize| {
                let of = &neighbours[v];
                let sum: f64 = of.iter().map(|&n| place[n]).sum();
                if of.is_empty() { place[v] } else { sum / of.len() as f64 }
            };
            let mut keyed: Vec<(f64, usize)> = layers[i].iter().map(|&v| (barycentre(v), v)).collect();
            keyed.sort_by(|a, b| a.0.total_cmp(&b.0));
            layers[i] = keyed.into_iter().map(|(_, v)| v).collect();
            note(&mut place, &layers[i]);
        }
    }
}

fn draw_route(svg: &mut Svg, route: &[(f64, f64)], itself: bool) {
    let (first, last) = (route[0], route[route.len() - 1]);
    let mut path = format!("M{} {}", num(first.0), num(first.1));
    let mut curve = |a: (f64, f64), b: (f64, f64), to: (f64, f64)| {
        let points = [a, b, to].map(|point| format!("{} {}", num(point.0), num(point.1)));
        path.push('C');
        path.push_str(&points.join(" "));
    };
    let rightward = last.0 > first.0;
    let tip = if itself {
        // A loop over the box's upper right corner.
        let tip = (first.0 - 18.0, first.1 - BOX_HEIGHT / 2.0);
        curve((first.0 + 34.0, first.1), (first.0 + 10.0, first.1 - 52.0), tip);
        tip
    } else {
        for pair in route.windows(2) {
            let pull = (pair[1].0 - pair[0].0) / 2.0;
            let level = (pair[0].1 - pair[1].1).abs() < 0.01;
            let pull = if level { pull / 2.0 } else { pull };
            curve((pair[0].0 + pull, pair[0].1), (pair[1].0 - pull, pair[1].1), pair[1]);
        }
        last
    };
    svg.raw(format_args!("<path d=\"{path}\" fill=\"none\" stroke=\"{GREY}\" stroke-width=\"1.4\"/>\n"));
    let (back, side) = if itself {
        ((tip.0 + 1.0, tip.1 - 8.0), (4.0, 0.0))
    } else {
        ((if rightward { tip.0 - 8.0 } else { tip.0 + 8.0 }, tip.1), (0.0, 4.0))
    };
    svg.raw(format_args!(
        "<path d=\"M{} {}L{} {}L{} {}Z\" fill=\"{MUTED}\"/>\n",
        num(tip.0),
        num(tip.1),
        num(back.0 + side.0),
        num(back.1 + side.1),
        num(back.0 - side.0),
        num(back.1 - side.1)
    ));
}

/// Names a call near its caller, moved down past the names that are already there.
fn name_route(
    svg: &mut Svg,
    route: &[(f64, f64)],
    link: &(usize, usize, &str),
    taken: &mut Vec<(f64, f64, f64)>,
) {
    let loops = link.0 == link.1;
    let text = shorten(link.2, CALL.size, CALL.weight, CALL_WIDTH);
    let (from, to) = (route[0], route[1.min(route.len() - 1)]);
    let middle = if loops { from.0 - 4.0 } else { f64::midpoint(from.0, to.0) };
    let half = text_width(&text, CALL.size, CALL.weight) / 2.0;
    let mut y = f64::midpoint(from.1, to.1) - if loops { BOX_HEIGHT / 2.0 + 20.0 } else { 5.0 };
    let clash =
        |y: f64, t: &(f64, f64, f64)| (t.0 - middle).abs() < t.2 + half + 4.0 && (t.1 - y).abs() < 13.0;
    while taken.iter().any(|t| clash(y, t)) {
        y += 13.0;
    }
    taken.push((middle, y, half));
    svg.text(middle, y, &text, CALL.anchored(Anchor::Middle).haloed());
}

fn draw_box(svg: &mut Svg, node: &Node, place: Place) {
    let top = place.y - BOX_HEIGHT / 2.0;
    let style = format!(" rx=\"6\" fill=\"{PAPER}\" stroke=\"{AXIS}\" stroke-width=\"1.2\"");
    let full = [node.label.as_str(), node.detail.as_str()].join(" ");
    svg.raw(format_args!("<g><title>{}</title>\n", escape(full.trim())));
    svg.rect((place.x, top), (place.width, BOX_HEIGHT), &style);
    let stripe = format!(" rx=\"2\" fill=\"{}\"", node.kind.colour());
    svg.rect((place.x + 6.0, top + 9.0), (4.0, BOX_HEIGHT - 18.0), &stripe);
    let fit = |text: &str, face: Face| shorten(text, face.size, face.weight, place.width - 28.0);
    let alone = node.detail.is_empty();
    svg.text(place.x + 18.0, place.y + if alone { 4.5 } else { -3.0 }, &fit(&node.label, NAME), NAME);
    svg.text(place.x + 18.0, place.y + 14.0, &fit(&node.detail, DETAIL), DETAIL);
    svg.raw(format_args!("</g>\n"));
}
