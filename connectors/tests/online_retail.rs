//! The real file holds what its description says.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::collections::HashSet;
use std::path::Path;

use chrono::NaiveDate;
use connectors::online_retail::counts::Counts;
use connectors::online_retail::kind::Kind;
use connectors::online_retail::reader::{InvoiceLine, ReadError, Reader};

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,Country\n";

fn file() -> Vec<InvoiceLine> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data/online-retail.csv.gz");
    Reader::open(&path).unwrap().collect::<Result<_, _>>().unwrap()
}

fn distinct<'a, T: std::hash::Hash + Eq>(
    lines: &'a [InvoiceLine],
    key: impl Fn(&'a InvoiceLine) -> T,
) -> usize {
    lines.iter().map(key).collect::<HashSet<_>>().len()
}

#[test]
fn the_file_holds_what_its_description_says() {
    let lines = file();
    let count = |test: &dyn Fn(&InvoiceLine) -> bool| lines.iter().filter(|line| test(line)).count();
    let cancels = |line: &InvoiceLine| line.invoice_no.starts_with('C');

    assert_eq!(lines.len(), 541_909);
    assert_eq!(lines.last().unwrap().row, 541_909);
    assert_eq!(distinct(&lines, |line| line.invoice_no.as_str()), 25_900);
    assert_eq!(distinct(&lines, |line| line.stock_code.as_str()), 4_070);
    assert_eq!(distinct(&lines, |line| line.item_id.as_str()), 3_958);
    assert_eq!(distinct(&lines, |line| line.invoiced_at.date()), 305);
    assert_eq!(distinct(&lines, |line| line.country.as_str()), 38);
    assert_eq!(lines.iter().map(|line| line.invoiced_at.date()).min(), NaiveDate::from_ymd_opt(2010, 12, 1));
    assert_eq!(lines.iter().map(|line| line.invoiced_at.date()).max(), NaiveDate::from_ymd_opt(2011, 12, 9));
    assert_eq!(count(&cancels), 9_288);
    assert_eq!(count(&|line| cancels(line) && line.quantity >= 0), 0);
    assert_eq!(count(&|line| !cancels(line) && line.quantity < 0), 1_336);
    assert_eq!(count(&|line| !cancels(line) && line.quantity < 0 && !line.unit_price.is_zero()), 0);
    assert_eq!(count(&|line| line.unit_price.is_zero()), 2_515);
    assert_eq!(count(&|line| line.unit_price.to_string() == "-11062.06"), 2);
    assert_eq!(count(&|line| line.description.is_empty()), 1_454);
}

#[test]
fn every_line_has_one_kind_and_left_out_lines_a_reason() {
    let lines = file();
    let mut counts = Counts::default();
    for line in &lines {
        counts.add(line.kind);
    }

    assert_eq!(counts.lines, 541_909);
    assert_eq!(counts.non_products, 2_995);
    assert_eq!(counts.sales + counts.reversals + counts.adjustments + counts.non_products, counts.lines);
    assert_eq!(counts.skipped.values().sum::<u64>(), counts.adjustments + counts.non_products);
    let products = lines.iter().filter(|line| line.kind != Kind::NonProduct).cloned().collect::<Vec<_>>();
    assert_eq!(distinct(&products, |line| line.item_id.as_str()), 3_926);
    // 112 codes stand in the file in both cases: 111 products, and M (manual).
    assert_eq!(distinct(&products, |line| line.stock_code.as_str()), 3_926 + 111);
    assert_eq!((counts.sales, counts.reversals, counts.adjustments), (527_725, 8_704, 2_485));
}

#[test]
fn identical_lines_are_separate_lines() {
    let row = "536365,85123a,\"HEART, WHITE £\",6,2010-12-01T08:26:00,2.55,United Kingdom\n";
    let csv = format!("{HEADER}{row}{row}");
    let lines = Reader::new(csv.as_bytes()).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert_eq!(lines.iter().map(|line| line.row).collect::<Vec<_>>(), [1, 2]);
    assert!(lines.iter().all(|line| line.item_id == "85123A" && line.kind == Kind::Sale));
}

#[test]
fn a_bad_row_is_named_and_does_not_stop_the_others() {
    let csv = format!(
        "{HEADER}1,10002,X,many,2010-12-01T08:26:00,1.00,UK\n2,10002\n3,10002,X,1,2010-12-01T08:26:00,1.00,UK\n"
    );
    let rows = Reader::new(csv.as_bytes()).unwrap().collect::<Vec<_>>();
    assert!(matches!(rows.first(), Some(Err(ReadError::Field { row: 1, column: "Quantity", .. }))));
    assert!(matches!(rows.get(1), Some(Err(ReadError::Row { row: 2, .. }))));
    assert!(matches!(rows.get(2), Some(Ok(line)) if line.row == 3));
    assert_eq!(rows.len(), 3);
}

#[test]
fn another_header_is_refused() {
    assert!(matches!(Reader::new("a,b\n1,2\n".as_bytes()).map(|_| ()), Err(ReadError::Header)));
}
