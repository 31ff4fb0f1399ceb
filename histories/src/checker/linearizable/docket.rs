//! All objects of a history, decided by as many hands as there are: the one with the most operations first, so that none is left with
//! a long one at the end. What comes of it does not depend on who decided what.

use std::cmp::Reverse;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Extent;
use super::object::{Case, Decided};
use crate::checker::zones::Homes;
use crate::history::Objects;
use crate::model::Mismatch;

/// What decides an object, with room for what it has to remember that is used again for the next.
pub(super) type Decide<'a> = dyn Fn(Case<'_>, usize, &mut Homes) -> Result<Decided, Mismatch> + Sync + 'a;

/// The objects that wait for being decided.
struct Docket<'a> {
    /// The object with the most operations first.
    order: Vec<usize>,
    next: AtomicUsize,
    /// No object from here on has to be decided.
    until: AtomicUsize,
    case: Case<'a>,
    decide: &'a Decide<'a>,
    decided: Mutex<Vec<(usize, Result<Decided, Mismatch>)>>,
}

/// What is known of each object that was looked at, in their order. With [`Extent::FirstViolation`] nothing is said of the objects
/// behind the first that is broken.
pub(super) fn decide(
    objects: &Objects<'_>,
    case: Case<'_>,
    extent: Extent,
    decide: &Decide<'_>,
) -> Vec<(usize, Result<Decided, Mismatch>)> {
    let mut order: Vec<usize> = (0..objects.len()).collect();
    order.sort_by_key(|&object| Reverse(objects.count(object)));
    let executor = case.limits.executor;
    let hands = executor.hands().clamp(1, objects.len().max(1));
    let docket = Docket {
        order,
        next: AtomicUsize::new(0),
        until: AtomicUsize::new(objects.len()),
        case: case.share(hands),
        decide,
        decided: Mutex::new(Vec::with_capacity(objects.len())),
    };
    if hands == 1 {
        docket.work(extent);
    } else {
        executor.run(&|| docket.work(extent));
    }
    let until = docket.until.into_inner();
    let mut decided = docket
        .decided
        .into_inner()
        .expect("nobody panicked while holding it");
    decided.sort_unstable_by_key(|&(object, _)| object);
    decided.retain(|&(object, _)| object < until);
    decided
}

impl Docket<'_> {
    /// Decides one object after the other, until none is left or time is up.
    fn work(&self, extent: Extent) {
        let mut homes = Homes::default();
        let mut decided = Vec::new();
        while let Some(&object) = self.order.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            if !(self.case.limits.may_go_on)() {
                break;
            }
            if self.until.load(Ordering::Relaxed) <= object {
                continue;
            }
            let found = (self.decide)(self.case, object, &mut homes);
            if let (Extent::FirstViolation, Ok(Decided::Broken(_))) = (extent, &found) {
                self.until.fetch_min(object + 1, Ordering::Relaxed);
            }
            decided.push((object, found));
        }
        let mut all = self.decided.lock().expect("nobody panicked while holding it");
        all.append(&mut decided);
    }
}
