//! What a view service does in the long run. What it does ping by ping is in the scripts of `testdata/pb/view-service`.

use super::office::Office;
use crate::world::n;

#[test]
fn what_a_view_service_keeps_does_not_grow_with_the_number_of_views() {
    let mut office = Office::open();
    office.ping(n(1), 0);
    let mut longest = 0;
    let mut newest = 1;
    while newest < 1_500 {
        office.reborn(n(2));
        office.ping(n(2), 0);
        let told = office.ping(n(1), newest).flatten();
        newest = told.expect("there is a view").number.0;
        longest = longest.max(office.disk.len());
    }
    assert!((1_000..1_100).contains(&longest), "{longest} records at most");
    let known = (office.view(), office.acknowledgement());
    office.restart();
    assert_eq!((office.view(), office.acknowledgement()), known);
}
