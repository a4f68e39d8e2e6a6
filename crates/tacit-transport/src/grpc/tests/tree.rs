//! A tree without a common hub: every site dials its parent.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use tacit_identity::Identity;

use super::super::link::attach;
use super::super::{Site, SiteEvent, run};
use super::table::{LEN, Table, cutting, quick, run_sites, runtime};
use crate::Error;

const INNER: usize = 3;

/// An address that nobody listens on.
fn vacant() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

fn parent(place: usize) -> usize {
    (place - 1) / 2
}

/// The sites of a binary tree; `route` leads from a site to where its parent listens.
fn sites(table: &mut Table, route: impl Fn(usize, SocketAddr) -> SocketAddr) -> Vec<Site> {
    let relays: Vec<_> = (0..INNER).map(|_| vacant()).collect();
    let names: Vec<_> = table.parties.iter().map(|p| p.name().to_owned()).collect();
    let roster = table.roster.clone();
    let site = |(place, identity): (usize, Identity)| {
        let above = if place > 0 { parent(place) } else { 0 };
        Site {
            identity,
            roster: roster.clone(),
            hub: names[above].clone(),
            address: route(place, relays[above]).to_string(),
            listen: relays.get(place).map(ToString::to_string),
        }
    };
    table.parties.drain(..).enumerate().map(site).collect()
}

#[test]
fn seven_parties_without_a_hub_end_their_session_though_an_inner_one_is_cut_off() {
    let mut table = Table::tree();
    let seats = (0..7).map(|i| table.party(i)).collect();
    // Bob has children. None of his first connections to ada lives long enough for one payload.
    let sites = sites(&mut table, |place, relay| match place {
        1 => cutting(relay, 6, LEN / 2),
        _ => relay,
    });
    let events = run_sites(seats, sites, |_| quick());
    let broken = |e: &&SiteEvent| matches!(e, SiteEvent::Detached { .. });
    let times = |place: usize| events[place].iter().filter(broken).count();
    assert!(times(1) >= 4, "{}", times(1));
    for events in &events {
        let bad = events
            .iter()
            .find(|e| matches!(e, SiteEvent::Complaint(_) | SiteEvent::Fault(_)));
        assert!(bad.is_none(), "{bad:?}");
        assert!(events.iter().any(|e| matches!(e, SiteEvent::Attached)));
    }
}

#[test]
fn a_relay_lets_in_its_children_alone_and_says_who_else_came() {
    let mut table = Table::tree();
    let (party, stranger) = (table.party(2), table.twin(3));
    let (roster, room) = (table.roster.clone(), table.room());
    let mut sites = sites(&mut table, |_, relay| relay);
    // Eve's children are gus and ivy; dan is bob's.
    let eve = sites.swap_remove(2);
    let address = eve.listen.clone().unwrap();
    let options = super::SiteOptions {
        deadline: Some(Duration::from_secs(30)),
        ..quick()
    };
    let stop = options.stop.clone();
    let knocking = std::thread::spawn(move || {
        let patience = Duration::from_secs(20);
        loop {
            let to = ("eve", address.as_str());
            let dialled = attach(&stranger, roster.clone(), to, room, patience);
            let said = runtime().block_on(dialled).map(drop).unwrap_err();
            // Nobody listens before eve runs.
            if !said.contains("refused (os") {
                return said;
            }
        }
    });
    let mut heard = None;
    let ended = run(party, &eve, &options, |event| {
        if let SiteEvent::Relay(event) = event
            && event.to_string().contains("no child of")
        {
            heard = Some(event.to_string());
            stop.ask();
        }
    });
    assert!(matches!(ended, Err(Error::Stopped { .. })));
    let heard = heard.unwrap();
    assert!(heard.contains("`dan` is no child of `eve`"), "{heard}");
    knocking.join().unwrap();
}

#[test]
fn a_site_that_does_not_fit_the_tree_is_told_before_it_dials() {
    let refused = |place: usize, change: &dyn Fn(&mut Site)| {
        let mut table = Table::tree();
        let party = table.party(place);
        let mut sites = sites(&mut table, |_, relay| relay);
        let mut site = sites.swap_remove(place);
        change(&mut site);
        let ended = run(party, &site, &quick(), |_| {}).map(|_| ());
        ended.unwrap_err().to_string()
    };
    let said = refused(3, &|site| site.hub = "eve".into());
    assert!(
        said.contains("`dan`") && said.contains("`bob`, and not `eve`"),
        "{said}"
    );
    let said = refused(1, &|site| site.listen = None);
    assert!(said.contains("dan, fay are to dial it"), "{said}");
    let said = refused(6, &|site| site.listen = Some("127.0.0.1:0".into()));
    assert!(
        said.contains("`ivy`") && said.contains("leave `listen` out"),
        "{said}"
    );
}
