//! Keys of entities and who is popular among their rows.

use super::Absent::{Is, Required, Unset};
use super::Takes::{Count, Either, Growth, Name, Number, Rate, Share, Sizes, Text, Word};
use super::shared::key;
use super::{Block, Takes};

pub(super) const BLOCKS: &[Block] = &[
    Block {
        name: "entity",
        about: "Rows of one kind.",
        keys: &[
            key("rows", Count, Is("1"), "how many there are at the start"),
            key("size", Sizes, Unset("nothing"), "size of a row: what a cache stores and sends"),
            key(
                "zipf",
                Number,
                Unset("1 where popularity is zipf"),
                "exponent of their popularity; measured ones are 0.4 to 2",
            ),
            key(
                "popularity",
                Either(&[Word(&["uniform", "zipf"]), Takes::Block("popularity")]),
                Unset("zipf where an exponent is written, else uniform"),
                "how requests spread over the rows",
            ),
            key("growth", Growth, Unset("none"), "rows added over time: 2%/day"),
            key(
                "absent",
                Share,
                Is("0%"),
                "the share of the rows that do not exist until they are written, so that they are asked for in vain",
            ),
            key("drift", Rate, Unset("none"), "how fast the popular rows change"),
            key("key_of", Name("entity"), Unset("its own"), "the entity whose key places the row"),
            key("hot", Word(&["random", "newest"]), Is("random"), "which rows are the popular ones"),
        ],
    },
    Block {
        name: "popularity",
        about: "Keys as they were recorded.",
        keys: &[key(
            "trace",
            Text,
            Required,
            "a file whose first column holds keys, used in order, over and over",
        )],
    },
];
