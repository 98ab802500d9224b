mod pictures;

use super::*;
use crate::base::random::{Key, StreamName};
use pictures::{one, panel, spike, topology};

fn texts(svg: &str) -> Vec<String> {
    let document = resvg::usvg::roxmltree::Document::parse(svg).expect("well-formed");
    let nodes = document.descendants().filter(|n| n.has_tag_name("text"));
    nodes.filter_map(|n| n.text().map(str::to_owned)).collect()
}

/// Writes sample pictures to the temporary folder, to be looked at.
#[test]
#[ignore = "for the eye: writes PNG files to the temporary folder"]
fn samples() {
    let folder = std::env::temp_dir().join("surgesim-charts");
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let write = |name: &str, picture: &Picture| {
        let png = render_png(picture).expect("drawn");
        std::fs::write(folder.join(format!("{name}.png")), png).expect("written");
        std::fs::write(folder.join(format!("{name}.svg")), render_svg(picture)).expect("written");
    };
    write("spike", &spike(2400));
    let mut calm = spike(2400);
    for line in &mut calm.panels[0].lines {
        if line.role == Role::Error {
            line.points.iter_mut().for_each(|p| p.1 = 0.0);
        }
    }
    calm.panels[3].lines.iter_mut().for_each(|line| line.points.iter_mut().for_each(|p| p.1 = 0.0));
    calm.panels[3].limits[0] = Limit { value: 10_000.0, label: "backlog limit".to_owned() };
    calm.bands.push(Band { from: 700.0, to: 720.0, label: "a failover of the primary".to_owned() });
    calm.bands.push(Band { from: 2390.0, to: 2400.0, label: "deploy".to_owned() });
    write("calm", &calm);

    let mut many = spike(2400);
    many.bands.clear();
    let api = many.panels[2].lines[1].clone();
    for n in 2..14 {
        let mut line = api.clone();
        line.label = format!("service-{n} with a name that is rather long");
        line.role = Role::Component(n);
        line.points.iter_mut().for_each(|p| p.1 *= 0.1 * n as f64);
        many.panels[2].lines.insert(0, line);
    }
    let queue = many.panels[3].lines[1].clone();
    for n in 0..20 {
        many.panels[3].lines.push(Line {
            label: format!("queue {n}"),
            role: Role::Component(n),
            ..queue.clone()
        });
    }
    many.panels[0].lines[0].stroke = Stroke::Stacked;
    many.panels[0].lines[1].stroke = Stroke::Stacked;
    many.panels[0].lines[2].points[100].1 = 250_000.0;
    many.panels[1].lines[1].points[300..900].iter_mut().for_each(|p| p.1 = f64::NAN);
    many.panels[1].lines[1].spread.clear();
    write("many", &many);

    let mut weeks = spike(2400);
    weeks.span = None;
    for band in &mut weeks.bands {
        (band.from, band.to) = (band.from * 504.0, band.to * 504.0);
    }
    for line in weeks.panels.iter_mut().flat_map(|p| &mut p.lines) {
        line.spread.clear();
        line.points.iter_mut().for_each(|p| p.0 *= 504.0);
    }
    write("weeks", &weeks);

    let mut odd = Picture { headline: "Empty, one point, nothing".to_owned(), ..Picture::default() };
    odd.panels.push(panel("Empty", "no lines", Axis::default(), Vec::new()));
    odd.panels.extend(one(Axis::default(), vec![(5.0, 3.0)]).panels);
    odd.panels
        .extend(one(Axis { scale: Scale::Log, unit: Unit::Duration, top: None }, vec![(5.0, 0.0)]).panels);
    write("odd", &odd);

    std::fs::write(folder.join("topology.png"), render_topology_png(&topology()).expect("drawn"))
        .expect("written");
}

#[test]
fn a_picture_is_well_formed_and_says_what_it_shows() {
    let svg = render_svg(&spike(600));
    let document = resvg::usvg::roxmltree::Document::parse(&svg).expect("well-formed");
    let root = document.root_element();
    let child = |name| root.children().find(|n| n.has_tag_name(name)).and_then(|n| n.text());
    assert!(child("title").is_some_and(|text| text.starts_with("503 rate 41.8 %")));
    assert!(child("desc").is_some_and(|text| text.contains("CPU (edge, checkout-api, orders-db)")));
    let texts = texts(&svg);
    assert_eq!(texts.iter().filter(|t| *t == "launch spike").count(), 1, "a band is named once");
    let amber = |n: &resvg::usvg::roxmltree::Node<'_, '_>| {
        n.attribute("fill-opacity") == Some("0.16") && n.has_tag_name("rect")
    };
    assert_eq!(document.descendants().filter(amber).count(), 4, "and drawn in every panel");
    for word in
        ["succeeded", "503", "p99.9", "orders-db", "objective: p99 below 500 ms", "2m", "simulated time"]
    {
        assert!(texts.iter().any(|t| t == word), "{word} is missing");
    }
}

#[test]
fn hostile_names_stay_text() {
    let name = "</text><script>alert(1)</script> a\"b 'c' & ]]> \u{0}\u{1b}\u{ffff}";
    let mut picture = spike(60);
    picture.headline = name.to_owned();
    picture.subtitle = name.to_owned();
    picture.footer = name.to_owned();
    picture.desc = name.to_owned();
    picture.bands[0].label = name.to_owned();
    for panel in &mut picture.panels {
        panel.title = name.to_owned();
        panel.note = name.to_owned();
        panel.lines[0].label = name.to_owned();
        panel.limits.push(Limit { value: 1.0, label: name.to_owned() });
    }
    let mut map = topology();
    map.title = name.to_owned();
    for node in &mut map.nodes {
        node.label = name.to_owned();
        node.detail = name.to_owned();
    }
    for edge in &mut map.edges {
        edge.label = name.to_owned();
    }
    for svg in [render_svg(&picture), render_topology_svg(&map)] {
        let document = resvg::usvg::roxmltree::Document::parse(&svg).expect("well-formed");
        assert!(document.descendants().all(|n| !n.has_tag_name("script")));
        rasterize(&svg).expect("drawn");
    }
    for text in [render_mermaid(&map), render_dot(&map)] {
        assert!(!text.contains("<script") && !text.contains("</script") && !text.contains('\0'), "{text}");
    }
}

#[test]
fn mermaid_and_dot_hold_every_component_and_call() {
    let mut map = topology();
    map.nodes.truncate(2);
    map.nodes[1].label = "a\"b".to_owned();
    map.edges[0].label = "back\\slash #1 `x`".to_owned();
    assert_eq!(
        render_mermaid(&map),
        "flowchart LR\n    n0([\"shoppers<br/>open, 40 requests/s\"])\n    n1{{\"a#quot;b<br/>round robin\"}}\n    \
         n0 -->|\"back\\slash #35;1 #96;x#96;\"| n1\n"
    );
    assert_eq!(
        render_dot(&map),
        "digraph topology {\n    rankdir=LR;\n    node [fontname=\"Inter\"];\n    \
         n0 [shape=oval, label=\"shoppers\\nopen, 40 requests/s\"];\n    \
         n1 [shape=hexagon, label=\"a\\\"b\\nround robin\"];\n    \
         n0 -> n1 [label=\"back\\\\slash #1 `x`\"];\n}\n"
    );
}

#[test]
fn no_two_texts_overlap() {
    let mut crowded = spike(600);
    let line = crowded.panels[2].lines[0].clone();
    for n in 0..20 {
        let label = format!("component number {n} with a long name");
        crowded.panels[2].lines.push(Line { label, role: Role::Component(n), ..line.clone() });
    }
    for n in 0..6 {
        let from = 150.0 + f64::from(n) * 12.0;
        crowded.bands.push(Band { from, to: from + 6.0, label: format!("band {n}") });
    }
    crowded.panels[1].limits.push(Limit { value: 0.51, label: "just above".to_owned() });
    for svg in [render_svg(&spike(600)), render_svg(&crowded), render_topology_svg(&topology())] {
        let options = resvg::usvg::Options { fontdb: font::faces(), ..resvg::usvg::Options::default() };
        let tree = resvg::usvg::Tree::from_str(&svg, &options).expect("well-formed");
        let mut boxes = Vec::new();
        collect(tree.root(), &mut boxes);
        assert!(boxes.len() > 10);
        let size = tree.size();
        for (i, (a, text)) in boxes.iter().enumerate() {
            assert!(
                a.left() >= 0.0 && a.right() <= size.width() && a.bottom() <= size.height(),
                "{text} is cut"
            );
            for (b, other) in &boxes[i + 1..] {
                // Half a pixel: the rounding of kerned widths.
                let apart = a.right() <= b.left() + 0.5
                    || b.right() <= a.left() + 0.5
                    || a.bottom() <= b.top() + 0.5
                    || b.bottom() <= a.top() + 0.5;
                assert!(apart, "{text} {a:?} lies on {other} {b:?}");
            }
        }
    }
}

/// The boxes of what is really drawn of each text.
fn collect(group: &resvg::usvg::Group, boxes: &mut Vec<(resvg::usvg::Rect, String)>) {
    for node in group.children() {
        match node {
            resvg::usvg::Node::Group(inner) => collect(inner, boxes),
            resvg::usvg::Node::Text(text) => {
                let words = text.chunks().iter().map(resvg::usvg::TextChunk::text).collect();
                boxes.push((text.flattened().abs_bounding_box(), words));
            }
            _ => {}
        }
    }
}

#[test]
fn widths_are_those_that_are_drawn() {
    for (text, weight) in
        [("checkout-api: backlog", Weight::Regular), ("503 rate 11.8 % ± 0.4 → ≤ µs", Weight::Bold)]
    {
        let css = weight.css();
        let svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='900' height='50'>\
             <text y='40' font-family='Inter' font-weight='{css}' font-size='20'>{text}</text></svg>"
        );
        let options = resvg::usvg::Options { fontdb: font::faces(), ..resvg::usvg::Options::default() };
        let tree = resvg::usvg::Tree::from_str(&svg, &options).expect("well-formed");
        let drawn = f64::from(tree.root().bounding_box().width());
        let measured = text_width(text, 20.0, weight);
        assert!((measured - drawn).abs() < 0.03 * drawn, "{text}: measured {measured}, drawn {drawn}");
    }
    assert!(text_width("mmm", 20.0, Weight::Bold) > text_width("mmm", 20.0, Weight::Regular), "bold is bold");
    let short = shorten("a name that is far too long", 12.0, Weight::Regular, 60.0);
    assert!(short.ends_with('…') && text_width(&short, 12.0, Weight::Regular) <= 60.0);
    assert_eq!(shorten("é", 12.0, Weight::Regular, 1.0), "");
    assert_eq!(shorten("fits", 12.0, Weight::Regular, 100.0), "fits");
}

#[test]
fn thinning_keeps_every_extreme_and_every_gap() {
    let mut draws = Key::root(3, 0).named(StreamName::new("thin")).draws();
    let mut points: Vec<(f64, f64)> = (0..100_000).map(|i| (f64::from(i), draws.unit())).collect();
    points[12_345].1 = 9.0;
    points[54_321].1 = -9.0;
    points[70_000..80_000].iter_mut().for_each(|p| p.1 = f64::NAN);
    let pieces = thin::thin(&points);
    assert_eq!(pieces.len(), 2, "one gap");
    assert!(pieces[0].last().expect("points").0 < 70_000.0 && pieces[1][0].0 >= 80_000.0);
    let kept: Vec<(f64, f64)> = pieces.concat();
    assert!(kept.len() <= 600, "{} points", kept.len());
    assert!(kept.contains(&(12_345.0, 9.0)) && kept.contains(&(54_321.0, -9.0)));
    assert!(kept.contains(&points[0]) && kept.contains(&points[99_999]));
    assert!(kept.is_sorted_by(|a, b| a.0 < b.0));
    // Not only the extremes of the whole: each column of 1/150 keeps its own.
    for column in points[..60_000].chunks(667) {
        let greatest = column.iter().map(|p| p.1).fold(f64::NEG_INFINITY, f64::max);
        let near = kept.iter().filter(|p| (p.0 - column[0].0).abs() < 1400.0).map(|p| p.1);
        assert!(near.fold(f64::NEG_INFINITY, f64::max) >= greatest);
    }
    let few: Vec<(f64, f64)> = points[..600].to_vec();
    assert_eq!(thin::thin(&few), vec![few.clone()], "a short series stays as it is");
    assert_eq!(
        thin::thin(&[(2.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY), (0.0, 0.0)]).concat().len(),
        2
    );
}

#[test]
fn axes_have_five_to_seven_ticks_and_hold_all_data() {
    let linear = |greatest: f64| ticks::Ticks::of(Axis::default(), Some((0.0, greatest)));
    assert_eq!(linear(868.0).at, [0.0, 200.0, 400.0, 600.0, 800.0, 1000.0]);
    assert_eq!(linear(0.3).at, [0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3]);
    let percent = Axis { unit: Unit::Percent, top: Some(1.0), ..Axis::default() };
    assert_eq!(ticks::Ticks::of(percent, Some((0.0, 1.000_000_1))).at, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    let log = Axis { scale: Scale::Log, unit: Unit::Duration, top: None };
    assert_eq!(ticks::Ticks::of(log, Some((0.01, 10.0))).at, [0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0]);
    let mut draws = Key::root(5, 0).named(StreamName::new("ticks")).draws();
    for _ in 0..20_000 {
        let greatest = libm::pow(10.0, draws.unit() * 24.0 - 12.0);
        let least = greatest * libm::pow(10.0, -9.0 * draws.unit());
        for (axis, extent) in [
            (Axis::default(), (0.0, greatest)),
            (log, (least, greatest)),
            (Axis::default(), (-least, greatest)),
        ] {
            let ticks = ticks::Ticks::of(axis, Some(extent));
            assert!((4..=7).contains(&ticks.at.len()), "{extent:?} gives {:?}", ticks.at);
            assert!(ticks.at.len() >= 5 || extent.0 < 0.0, "{extent:?} gives {:?}", ticks.at);
            // Less than a decade lies in the middle of one on a logarithmic axis.
            let least_height = if axis.scale == Scale::Log { 0.3 } else { 0.4 };
            let share = (ticks.height(extent.0), ticks.height(extent.1));
            assert!(
                share.0 > -1e-5 && share.1 < 1.0 + 1e-5 && share.1 > least_height,
                "{extent:?} lies at {share:?}"
            );
        }
        let clock = ticks::time(0.0, greatest);
        assert!((3..=11).contains(&clock.len()), "{greatest} s gives {clock:?}");
    }
    assert_eq!(
        ticks::time(0.0, 2400.0).iter().map(|t| format_clock(*t)).collect::<Vec<_>>().join(" "),
        "0 5m 10m 15m 20m 25m 30m 35m 40m"
    );
    assert_eq!(ticks::time(0.0, 1_209_600.0)[1], 172_800.0);
}

#[test]
fn values_are_written_with_their_units() {
    let count = |v| format_value(v, Unit::Count);
    assert_eq!(
        ["0", "7", "0.25", "812", "1k", "1.25k", "12.3k", "1M", "1e15"],
        [0.0, 7.0, 0.25, 812.4, 999.9, 1250.0, 12_345.0, 999_999.0, 1e15]
            .map(count)
            .each_ref()
            .map(String::as_str)
    );
    let time = |v| format_value(v, Unit::Duration);
    assert_eq!(
        ["0", "250 ns", "15 µs", "10 ms", "1 s", "12.5 s", "–"],
        [0.0, 250e-9, 15e-6, 0.01, 0.9999, 12.5, f64::NAN].map(time).each_ref().map(String::as_str)
    );
    assert_eq!(format_value(0.118, Unit::Percent), "11.8 %");
    assert_eq!(
        ["0", "20ms", "500ms", "2.5s", "1m30s", "1h", "2d12h", "-5m"],
        [0.0, 0.02, 0.5, 2.5, 90.0, 3600.0, 216_000.0, -300.0]
            .map(format_clock)
            .each_ref()
            .map(String::as_str)
    );
}

#[test]
fn labels_move_apart_and_stay_inside() {
    assert_eq!(labels::spread(&[50.0, 50.0, 50.0], 10.0, 0.0, 100.0), [40.0, 50.0, 60.0]);
    assert_eq!(labels::spread(&[100.0, 100.0, 0.0], 10.0, 0.0, 100.0), [90.0, 100.0, 0.0]);
    assert_eq!(labels::spread(&[10.0, 40.0], 10.0, 0.0, 100.0), [10.0, 40.0]);
    assert!(labels::spread(&[], 10.0, 0.0, 100.0).is_empty());
}

#[test]
fn the_same_picture_gives_the_same_bytes() {
    let (first, second) = (render_png(&spike(120)), render_png(&spike(120)));
    assert_eq!(first, second);
    let png = first.expect("drawn");
    assert_eq!(png[..8], *b"\x89PNG\r\n\x1a\n");
    assert_eq!(u32::from_be_bytes([png[16], png[17], png[18], png[19]]), 2400, "twice the density");
    assert_eq!(render_topology_svg(&topology()), render_topology_svg(&topology()));
}

#[test]
fn odd_pictures_are_drawn_without_a_panic_or_a_number_that_is_none() {
    let values =
        [0.0, -3.0, 1e-300, 1e300, f64::MAX, -f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 5.0];
    let mut pictures = vec![Picture::default(), one(Axis::default(), Vec::new())];
    for scale in [Scale::Linear, Scale::Log] {
        for stroke in [Stroke::Solid, Stroke::Bold, Stroke::Dashed, Stroke::Area, Stroke::Stacked] {
            for x in values {
                for y in values {
                    let mut picture = one(
                        Axis { scale, unit: Unit::Count, top: Some(y) },
                        vec![(x, y), (1.0, 2.0), (x, y)],
                    );
                    let line = &mut picture.panels[0].lines[0];
                    line.stroke = stroke;
                    line.spread = vec![(x, y, 1.0), (1.0, 0.0, y)];
                    let stacked = Line { points: vec![(1.0, y)], ..line.clone() };
                    picture.panels[0].lines.push(stacked);
                    picture.panels[0].limits.push(Limit { value: y, label: "limit".to_owned() });
                    picture.bands.push(Band { from: x, to: y, label: "band".to_owned() });
                    picture.span = (x > 2.0).then_some((y, x));
                    pictures.push(picture);
                }
            }
        }
    }
    for picture in pictures {
        let svg = render_svg(&picture);
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{picture:?}");
        resvg::usvg::roxmltree::Document::parse(&svg).expect("well-formed");
    }
    render_png(&Picture::default()).expect("drawn");
    render_topology_png(&Topology::default()).expect("drawn");
}

#[test]
fn an_absent_value_breaks_the_line_and_a_lone_one_is_a_dot() {
    let nan = f64::NAN;
    let svg = render_svg(&one(
        Axis::default(),
        vec![(0.0, 1.0), (1.0, 2.0), (2.0, nan), (3.0, 4.0), (4.0, nan), (5.0, 1.0), (6.0, 1.0)],
    ));
    let path = svg.split("<path d=\"").find(|part| part.contains("fill=\"none\"")).expect("a line");
    assert_eq!(path.split('"').next().expect("data").matches('M').count(), 2);
    assert_eq!(svg.matches("<circle").count(), 1);
}

#[test]
fn a_limit_far_above_the_data_is_named_and_not_drawn_to_scale() {
    let mut picture = one(Axis::default(), vec![(0.0, 40.0), (1.0, 38.0)]);
    picture.panels[0].limits = vec![Limit { value: 10_000.0, label: "backlog limit".to_owned() }];
    let far = render_svg(&picture);
    assert!(far.contains("backlog limit ↑ 10k") && !far.contains("stroke-dasharray"));
    picture.panels[0].limits[0].value = 100.0;
    assert!(render_svg(&picture).contains("stroke-dasharray=\"6 4\""));
}

#[test]
fn callers_stand_left_of_callees_and_no_boxes_overlap() {
    let svg = render_topology_svg(&topology());
    let document = resvg::usvg::roxmltree::Document::parse(&svg).expect("well-formed");
    let mut boxes = Vec::new();
    for node in document.descendants().filter(|n| n.has_tag_name("rect") && n.attribute("rx") == Some("6")) {
        let side = |name: &str| node.attribute(name).and_then(|v| v.parse::<f64>().ok()).expect("a number");
        boxes.push((side("x"), side("y"), side("width"), side("height")));
    }
    assert_eq!(boxes.len(), 7);
    for (from, to) in [(0, 1), (1, 2), (2, 3), (3, 4), (2, 6), (2, 5), (3, 6)] {
        assert!(boxes[from].0 + boxes[from].2 < boxes[to].0, "{from} calls {to}");
    }
    for (i, a) in boxes.iter().enumerate() {
        for b in &boxes[i + 1..] {
            assert!(a.0 + a.2 < b.0 || b.0 + b.2 < a.0 || a.1 + a.3 < b.1 || b.1 + b.3 < a.1);
        }
    }
}

#[test]
fn a_size_is_drawn_on_a_logarithmic_scale() {
    for (from, to) in [(1.0, 10.0), (87.0, 86_897.0), (3.0, 4.0), (1e3, 1e15), (5.0, 5e9)] {
        let at = ticks::sizes(from, to);
        assert!(
            at.len() <= 16 && at.is_sorted() && at.iter().all(|t| *t >= from * 0.999 && *t <= to * 1.001)
        );
        assert!(!at.is_empty() || to / from < 2.0, "{from} to {to}: {at:?}");
    }
    let points = vec![(0.0, 1.0), (100.0, 0.8), (1_000.0, 0.5), (10_000.0, 0.2)];
    let line = Line { label: "LRU".to_owned(), points, ..Line::default() };
    let axis = Axis { unit: Unit::Percent, ..Axis::default() };
    let panel = Panel { title: "Miss ratio".to_owned(), axis, lines: vec![line], ..Panel::default() };
    let picture = Picture { panels: vec![panel], ..Picture::default() };
    let svg = render_over(&picture, Abscissa::Size("cache size in items"));
    for text in [">cache size in items<", ">at the largest<", ">20 %<", ">1k<", ">10k<"] {
        assert!(svg.contains(text), "{text} is missing");
    }
    assert!(!svg.contains("NaN") && !svg.contains("simulated time"));
    // Two decades: the middle one lies half way between the ends of the plot.
    assert!(svg.contains("<text x=\"515\""), "1k is in the middle");
    assert!(rasterize(&svg).is_ok());
    let empty = render_over(&Picture::default(), Abscissa::Size("bytes"));
    assert!(!empty.contains("NaN") && !empty.contains("inf"));
}
