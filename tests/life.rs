//! Whole lives of a watch, each read as a timeline.

use certsteward::domain::watch::Matching;

use crate::support::world::World;

async fn rotate(matching: Matching) -> World {
    let mut world = World::new(matching);
    world.until(304).await;
    world
}

#[tokio::test]
async fn a_tenant_that_matches_the_name_needs_nobody() {
    let world = rotate(Matching::Dn).await;
    println!("{}", world.text());
    assert!(world.cut_off.is_empty(), "{:?}", world.cut_off);
}

#[tokio::test]
async fn a_tenant_that_wants_the_certificate_gets_a_counted_one() {
    let mut world = rotate(Matching::Exact).await;
    println!("{}", world.text());
    world.serve(30).await;
    world.until(330).await;
    println!("{}", world.text());
    assert!(world.cut_off.is_empty(), "{:?}", world.cut_off);
}
