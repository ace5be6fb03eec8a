//! What an invoice line is, by rule R2.

use rust_decimal::Decimal;

/// What an invoice line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Units were sold.
    Sale,
    /// Sold units came back.
    Reversal,
    /// A correction of the books; changes neither demand nor stock.
    Adjustment(Skipped),
    /// Carriage, fees, vouchers; changes neither demand nor stock.
    NonProduct,
}

/// Why a line of a product counts neither as sale nor as reversal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// A cancellation invoice with a quantity that is not below zero.
    PositiveCancellation,
    /// A bad-debt invoice (`A…`).
    BadDebt,
    /// A quantity that is not above zero, without a cancellation invoice: damaged, lost.
    NegativeQuantity,
    /// A price that is not above zero: finds and write-offs.
    NoPrice,
}

impl Kind {
    /// The kind's name in rule R2.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sale => "SALE",
            Self::Reversal => "REVERSAL",
            Self::Adjustment(_) => "ADJUSTMENT",
            Self::NonProduct => "NON_PRODUCT",
        }
    }

    /// Why the line is left out; nothing for a line that counts.
    pub fn reason(self) -> Option<&'static str> {
        match self {
            Self::Sale | Self::Reversal => None,
            Self::NonProduct => Some("not a product code"),
            Self::Adjustment(Skipped::PositiveCancellation) => Some("cancellation that is not negative"),
            Self::Adjustment(Skipped::BadDebt) => Some("bad-debt invoice"),
            Self::Adjustment(Skipped::NegativeQuantity) => Some("negative quantity without a cancellation"),
            Self::Adjustment(Skipped::NoPrice) => Some("price that is not above zero"),
        }
    }
}

/// Kind of the line of `invoice_no` for `item_id`, which is the stock code trimmed and in upper case.
pub fn classify(invoice_no: &str, item_id: &str, quantity: i64, unit_price: Decimal) -> Kind {
    if !is_product_code(item_id) {
        return Kind::NonProduct;
    }
    match invoice_no.as_bytes().first() {
        Some(b'C' | b'c') if quantity < 0 => Kind::Reversal,
        Some(b'C' | b'c') => Kind::Adjustment(Skipped::PositiveCancellation),
        Some(b'A' | b'a') => Kind::Adjustment(Skipped::BadDebt),
        _ if quantity <= 0 => Kind::Adjustment(Skipped::NegativeQuantity),
        _ if unit_price <= Decimal::ZERO => Kind::Adjustment(Skipped::NoPrice),
        _ => Kind::Sale,
    }
}

/// Five digits and up to two capital letters.
fn is_product_code(code: &str) -> bool {
    let (digits, letters) = code.as_bytes().split_at_checked(5).unwrap_or_default();
    digits.len() == 5
        && digits.iter().all(u8::is_ascii_digit)
        && letters.len() <= 2
        && letters.iter().all(u8::is_ascii_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(invoice_no: &str, code: &str, quantity: i64, pence: i64) -> Kind {
        classify(invoice_no, code, quantity, Decimal::new(pence, 2))
    }

    #[test]
    fn five_digits_and_up_to_two_letters_are_a_product() {
        assert_eq!(kind("536365", "85123A", 6, 255), Kind::Sale);
        assert_eq!(kind("536365", "85123AB", 6, 255), Kind::Sale);
        for code in
            ["", "POST", "1234", "123456", "85123ABC", "85123a", "BANK CHARGES", "8512£", "gift_0001_20"]
        {
            assert_eq!(kind("536365", code, 6, 255), Kind::NonProduct, "{code}");
        }
    }

    #[test]
    fn a_cancellation_is_a_reversal_only_when_negative() {
        assert_eq!(kind("C536379", "22960", -1, 425), Kind::Reversal);
        assert_eq!(kind("c536379", "22960", -1, 0), Kind::Reversal);
        assert_eq!(kind("C536379", "22960", 1, 425), Kind::Adjustment(Skipped::PositiveCancellation));
        assert_eq!(kind("C536379", "POST", -1, 425), Kind::NonProduct);
    }

    #[test]
    fn what_is_neither_sold_nor_cancelled_is_an_adjustment_with_its_reason() {
        assert_eq!(kind("A563186", "22960", 1, 100), Kind::Adjustment(Skipped::BadDebt));
        assert_eq!(kind("536589", "21777", -10, 0), Kind::Adjustment(Skipped::NegativeQuantity));
        assert_eq!(kind("536414", "22139", 56, 0), Kind::Adjustment(Skipped::NoPrice));
        assert_eq!(kind("536414", "22139", 56, 0).reason(), Some("price that is not above zero"));
    }
}
