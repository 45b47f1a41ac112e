//! The cost of owners' places.

use std::num::NonZeroU64;

use a2a_lambda_core::places::{Place, PlaceKind, Places, PlacesOf, Taken};
use a2a_lambda_core::{Owner, StoreError};
use a2a_lambda_protocol::Timestamp;

use super::Bench;
use super::meter::Written;

const MOST: NonZeroU64 = NonZeroU64::new(500).unwrap();

fn place(name: String) -> Place {
    // DynamoDB does not store zeros at the end of a number.
    Place { name, until: Timestamp::from_millis(1_760_000_123_457) }
}

/// Takes places up to this number. Returns how many places first cost more than one unit, and the
/// units of the last one.
async fn taken(
    bench: &Bench,
    of: &PlacesOf,
    many: usize,
    name: fn(usize) -> String,
) -> (usize, f64) {
    let (mut first, mut last) = (0, 0.0);
    for number in 0..many {
        bench.meter.take();
        let taken = bench.store.take(of, &place(name(number)), MOST).await.unwrap();
        assert_eq!(taken, Taken::Yes);
        let (requests, Written { table, list, due, context }) = bench.meter.take_written();
        assert_eq!((requests, list + due + context), (vec!["UpdateItem"], 0.0));
        if first == 0 && table > 1.0 {
            first = number;
        }
        last = table;
    }
    (first, last)
}

#[tokio::test]
async fn a_place_is_one_write_of_an_item_that_grows_by_25_bytes_a_stream_and_46_a_task() {
    let bench = Bench::new().await;
    let owner = Owner::of_principal("jwt", &["https://issuer.example", "alice"]);
    let of = PlacesOf { kind: PlaceKind::Stream, owner: owner.clone() };
    assert_eq!(taken(&bench, &of, 100, |number| format!("{number:016x}")).await, (38, 3.0));
    let of = PlacesOf { kind: PlaceKind::Task, owner };
    let task = |number| format!("#{number:08x}-0000-4000-8000-000000000000");
    assert_eq!(taken(&bench, &of, 100, task).await, (21, 5.0));
}

#[tokio::test]
async fn a_lease_a_release_and_a_look_are_one_write_each() -> Result<(), StoreError> {
    let bench = Bench::new().await;
    let of = PlacesOf { kind: PlaceKind::Stream, owner: Owner::parse("alice").unwrap() };
    let places: Vec<_> = (0..9).map(|number| place(format!("{number:016x}"))).collect();
    for place in &places {
        bench.store.take(&of, place, MOST).await?;
    }
    bench.meter.take();
    assert!(bench.store.renew(&of, &places[0]).await?);
    bench.store.looked(&of, places[0].until).await?;
    bench.store.leave(&of, &places[0].name).await?;
    // One write frees many places.
    bench.store.free(&of, &places[1..]).await?;
    let (requests, written) = bench.meter.take_written();
    assert_eq!((requests, written.table), (vec!["UpdateItem"; 4], 4.0));
    Ok(())
}
