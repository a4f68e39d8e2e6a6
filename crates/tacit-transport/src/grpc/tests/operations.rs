//! What operators see and ask for: figures, the end in order, the hub's clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tacit_identity::SiteRole;

use super::table::{HubThread, LEN, Table, identity, quick};
use crate::Error;
use crate::grpc::{
    HubLimits, RefusalClass, Site, SiteEvent, SiteOptions, Stop, Traffic, reach, run,
};

#[test]
fn bytes_are_those_on_the_sockets_and_frames_those_of_the_session() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let counters: [Arc<Traffic>; 3] = Default::default();
    table.run_with(
        |_| hub.address,
        |party| SiteOptions {
            traffic: counters[party].clone(),
            // Nobody is served apart because this machine is busy.
            tick: Duration::from_secs(10),
            ..quick()
        },
    );
    let [root, leaf, _] = &counters;
    // Two rounds of long inputs and the result, once for both leaves, and two long shares back from each.
    let long = LEN as u64;
    assert!(root.sent() > 3 * long && root.sent() < 4 * long, "{root:?}");
    assert!(root.received() > 4 * long && root.received() < 6 * long);
    assert!(leaf.received() > 3 * long && leaf.received() < 4 * long);
    // Opening, start, two rounds, the end: each an input and a share.
    assert!(root.frames_sent() >= 10 && root.frames_received() >= 10);
    assert!(leaf.frames_sent() >= 5 && leaf.frames_received() >= 5);
    // The hub has passed it all on, to each.
    let relayed = hub.hub.census().relayed_bytes;
    assert!(relayed > 10 * long && relayed < 14 * long, "{relayed}");
}

#[test]
fn a_site_that_is_asked_to_stop_leaves_the_hub_in_order() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let party = table.party(0);
    let site = Site {
        identity: table.parties.remove(0),
        roster: table.roster.clone(),
        hub: "hub".into(),
        address: hub.address.to_string(),
        listen: None,
    };
    let stop = Stop::new();
    let options = SiteOptions {
        stop: stop.clone(),
        deadline: None,
        ..quick()
    };
    let mut census = None;
    let ended = run(party, &site, &options, |event| {
        if matches!(event, SiteEvent::Attached) {
            census = Some(hub.hub.census());
            stop.ask();
        }
    });
    assert!(matches!(ended, Err(Error::Stopped { party }) if party == "ada"));
    hub.hears("it has left");
    let census = census.unwrap();
    assert_eq!(census.attached, BTreeMap::from([("ada".to_owned(), 1)]));
    assert_eq!((census.rooms, census.connections), (1, 1));
    assert!(hub.hub.census().attached.is_empty());
}

#[test]
fn a_site_without_its_hub_stops_when_it_is_asked() {
    let mut table = Table::new();
    let party = table.party(1);
    let site = Site {
        identity: table.parties.remove(1),
        roster: table.roster.clone(),
        hub: "hub".into(),
        address: "127.0.0.1:1".into(),
        listen: None,
    };
    let stop = Stop::new();
    let options = SiteOptions {
        stop: stop.clone(),
        redial: Duration::from_secs(3600),
        ..quick()
    };
    let ended = run(party, &site, &options, |_| stop.ask());
    assert!(matches!(ended, Err(Error::Stopped { .. })));
}

#[test]
fn refusals_are_counted_by_their_kind() {
    let mut table = Table::new();
    let hub: HubThread = table.serve(HubLimits::default());
    let address = hub.address.to_string();
    let stranger = identity("bob", SiteRole::Party);
    let patience = Duration::from_secs(30);
    let refused = reach(&stranger, table.roster.clone(), "hub", &address, patience);
    assert!(matches!(refused, Err(Error::Unreached { .. })));
    hub.hears("is not in roster 1");
    let counted = hub.hub.census().refused;
    assert_eq!(counted, BTreeMap::from([(RefusalClass::Unknown, 1)]));
    let names: std::collections::HashSet<_> =
        RefusalClass::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(names.len(), RefusalClass::ALL.len());
}

#[test]
fn a_hub_that_is_reached_gives_its_time() {
    let mut table = Table::new();
    let hub = table.serve(HubLimits::default());
    let address = hub.address.to_string();
    let patience = Duration::from_secs(30);
    let (me, roster) = (&table.parties[0], table.roster.clone());
    let found = reach(me, roster, "hub", &address, patience).unwrap();
    assert!(found.date.is_some_and(|date| date.ends_with(" GMT")));
}
