//! Computes plans by the formulas of the rulebook, with exact fractions: an independent reading of the rules.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use chrono::{Days, NaiveDate};
use domain::planning::explain::{Inputs, Ordered, fields};
use domain::planning::rulebook::{RULES, Rule, Takes};
use serde_json::Value;

use crate::fraction::Fraction;

/// What a formula can yield.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Term {
    Null,
    Flag(bool),
    Number(Fraction),
    Word(String),
    Day(NaiveDate),
    List(Vec<Fraction>),
    Words(Vec<String>),
    Orders(Vec<Ordered>),
}

/// Every figure of the rulebook from inputs alone.
pub(crate) fn computed(inputs: &Inputs) -> BTreeMap<String, Term> {
    let mut known: BTreeMap<String, Term> =
        fields(inputs).iter().map(|(name, value)| (name.clone(), term(value))).collect();
    known.insert("orders".to_owned(), Term::Orders(inputs.orders.clone()));
    for rule in RULES {
        let value = figure(rule, &known);
        known.insert(rule.value.to_owned(), value);
    }
    known
}

/// A JSON value as a term: decimals and whole numbers as numbers.
pub(crate) fn term(value: &Value) -> Term {
    match value {
        Value::Null | Value::Object(_) => Term::Null,
        Value::Bool(flag) => Term::Flag(*flag),
        Value::Number(number) => Term::Number(Fraction::parse(&number.to_string()).unwrap()),
        Value::String(text) => match (text.parse(), Fraction::parse(text)) {
            (Ok(day), _) => Term::Day(day),
            (_, Some(number)) => Term::Number(number),
            (_, None) => Term::Word(text.clone()),
        },
        Value::Array(entries) if entries.is_empty() => Term::List(Vec::new()),
        Value::Array(entries) => {
            let terms: Vec<Term> = entries.iter().map(term).collect();
            let numbers: Option<Vec<_>> = terms.iter().map(number_of).collect();
            let words = || terms.iter().map(shown).collect();
            numbers.map_or_else(|| Term::Words(words()), Term::List)
        }
    }
}

fn number_of(term: &Term) -> Option<Fraction> {
    if let Term::Number(number) = term { Some(*number) } else { None }
}

fn shown(term: &Term) -> String {
    if let Term::Word(word) = term { word.clone() } else { String::new() }
}

fn figure(rule: &Rule, known: &BTreeMap<String, Term>) -> Term {
    let mut cases = rule
        .cases
        .iter()
        .filter(|case| case.when.is_empty() || Formula::value(case.when, known) == Term::Flag(true))
        .map(|case| Formula::value(case.then, known));
    match rule.takes {
        Takes::First => cases.next().unwrap(),
        Takes::All => Term::Words(cases.map(|word| shown(&word)).collect()),
    }
}

struct Formula<'a> {
    tokens: Vec<&'a str>,
    next: usize,
    known: &'a BTreeMap<String, Term>,
}

impl<'a> Formula<'a> {
    fn value(text: &'a str, known: &'a BTreeMap<String, Term>) -> Term {
        let mut formula = Self { tokens: tokens(text), next: 0, known };
        let value = formula.either();
        assert_eq!(formula.next, formula.tokens.len(), "all of {text} was read");
        value
    }

    fn peek(&self) -> &'a str {
        self.tokens.get(self.next).copied().unwrap_or("")
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        self.next += usize::from(found);
        found
    }

    fn either(&mut self) -> Term {
        let mut left = self.both();
        while self.take("or") {
            let right = self.both();
            left = Term::Flag(flag(&left) | flag(&right));
        }
        left
    }

    fn both(&mut self) -> Term {
        let mut left = self.negated();
        while self.take("and") {
            let right = self.negated();
            left = Term::Flag(flag(&left) & flag(&right));
        }
        left
    }

    fn negated(&mut self) -> Term {
        if self.take("not") { Term::Flag(!flag(&self.compared())) } else { self.compared() }
    }

    fn compared(&mut self) -> Term {
        let left = self.sum();
        let sign = self.peek();
        if !["=", "!=", "<", "<=", ">", ">="].contains(&sign) {
            return left;
        }
        self.next += 1;
        let right = self.sum();
        Term::Flag(match sign {
            "=" => same(&left, &right),
            "!=" => !same(&left, &right),
            // What is not there is neither more nor less.
            _ if left == Term::Null || right == Term::Null => false,
            _ => {
                let order = number(&left).cmp(number(&right));
                order == Ordering::Less && sign.starts_with('<')
                    || order == Ordering::Greater && sign.starts_with('>')
                    || order == Ordering::Equal && sign.ends_with('=')
            }
        })
    }

    fn sum(&mut self) -> Term {
        let mut left = self.product();
        loop {
            if self.take("+") {
                left = Term::Number(number(&left).plus(number(&self.product())));
            } else if self.take("-") {
                left = Term::Number(number(&left).minus(number(&self.product())));
            } else {
                return left;
            }
        }
    }

    fn product(&mut self) -> Term {
        let mut left = self.single();
        loop {
            if self.take("*") {
                left = Term::Number(number(&left).times(number(&self.single())));
            } else if self.take("/") {
                left = Term::Number(number(&left).over(number(&self.single())));
            } else {
                return left;
            }
        }
    }

    fn single(&mut self) -> Term {
        if self.take("(") {
            let value = self.either();
            assert!(self.take(")"));
            return value;
        }
        let name = self.peek();
        self.next += 1;
        if self.peek() == "(" {
            return self.call(name);
        }
        if name == "null" {
            return Term::Null;
        }
        if let Some(number) = Fraction::parse(name) {
            return Term::Number(number);
        }
        self.known.get(name).cloned().unwrap_or_else(|| Term::Word(name.to_owned()))
    }

    fn call(&mut self, name: &str) -> Term {
        assert!(self.take("("));
        if name == "uncensored" {
            let figure = self.peek();
            self.next += 1;
            assert!(self.take(")"));
            return uncensored(figure, self.known);
        }
        let mut given = vec![self.either()];
        while self.take(",") {
            given.push(self.either());
        }
        assert!(self.take(")"));
        if name == "window" {
            given.push(self.known["history_days"].clone());
            return function("min", &given);
        }
        if name == "until_demand" {
            let later = day(&self.known["stock_on"]) - day(&self.known["demand_until"]);
            let mut list = numbers(&given[0]).to_vec();
            list.truncate(list.len().saturating_sub(usize::try_from(later.num_days()).unwrap()));
            return Term::List(list);
        }
        function(name, &given)
    }
}

fn uncensored(figure_name: &str, known: &BTreeMap<String, Term>) -> Term {
    let mut known = known.clone();
    known.insert("censor_stockouts".to_owned(), Term::Flag(false));
    let upto = RULES.iter().position(|rule| rule.value == figure_name).unwrap();
    for rule in &RULES[..=upto] {
        let value = figure(rule, &known);
        known.insert(rule.value.to_owned(), value);
    }
    known[figure_name].clone()
}

fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let named = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '.';
        let length = if named(first) {
            rest.find(|letter| !named(letter)).unwrap_or(rest.len())
        } else if ["!=", "<=", ">="].iter().any(|sign| rest.starts_with(sign)) {
            2
        } else {
            1
        };
        tokens.push(&rest[..length]);
        rest = rest[length..].trim_start();
    }
    tokens
}

fn function(name: &str, given: &[Term]) -> Term {
    let value = |at: usize| number(&given[at]);
    let count = |at: usize| usize::try_from(value(at).floor()).unwrap();
    let last = |at: usize| {
        let list = numbers(&given[0]);
        &list[list.len().saturating_sub(count(at))..]
    };
    let total = |list: &[Fraction]| list.iter().fold(Fraction::whole(0), |sum, entry| sum.plus(*entry));
    let places = || u32::try_from(count(1)).unwrap();
    let wider = |order: Ordering| if value(0).cmp(value(1)) == order { value(0) } else { value(1) };
    let wholes = |found: usize| Fraction::whole(i128::try_from(found).unwrap());
    match name {
        "round" => Term::Number(value(0).round(places())),
        "root" => Term::Number(value(0).root(places())),
        "ceil" => Term::Number(Fraction::whole(-Fraction(-value(0).0, value(0).1).floor())),
        "min" => Term::Number(wider(Ordering::Less)),
        "max" => Term::Number(wider(Ordering::Greater)),
        "clamp" => {
            let low = if value(0).cmp(value(1)) == Ordering::Less { value(1) } else { value(0) };
            Term::Number(if low.cmp(value(2)) == Ordering::Greater { value(2) } else { low })
        }
        "yes" => Term::Number(Fraction::whole(i128::from(flag(&given[0])))),
        "days" => Term::Number(Fraction::whole((day(&given[1]) - day(&given[0])).num_days().into())),
        "after" => Term::Day(day(&given[0]) + Days::new(u64::try_from(value(1).floor()).unwrap())),
        "sum" => Term::Number(total(last(1))),
        "floored" => {
            let above: Vec<Fraction> = last(1).iter().filter(|entry| entry.0 > 0).copied().collect();
            Term::Number(total(&above))
        }
        "first" => Term::Number(total(&numbers(&given[0])[..count(1)])),
        "known" => Term::Number(wholes(last(1).len())),
        "emptied" => Term::Number(wholes(last(1).iter().filter(|close| close.0 <= 0).count())),
        "spread" => {
            let squares: Vec<Fraction> = last(1).iter().map(|entry| entry.times(*entry)).collect();
            let sum = total(last(1));
            Term::Number(value(2).times(total(&squares)).minus(sum.times(sum)))
        }
        "stocked" => Term::Number(stocked(numbers(&given[0]), numbers(&given[1]), count(2))),
        "outstanding" => Term::Number(Fraction::whole(
            lines(&given[0], day(&given[1])).iter().map(|(_, open)| i128::from(*open)).sum(),
        )),
        "overdue" => {
            let today = day(&given[1]);
            let late = |line: &Ordered| line.expected_on.is_some_and(|expected| expected < today);
            Term::Flag(lines(&given[0], today).iter().any(|(line, open)| *open > 0 && late(line)))
        }
        other => panic!("nobody knows {other}"),
    }
}

/// Days among the last `window` that had demand or stock, or whose stock nobody knows.
fn stocked(demand: &[Fraction], closes: &[Fraction], window: usize) -> Fraction {
    let days = (0..window).filter(|back| {
        let entry = |list: &[Fraction]| list.len().checked_sub(back + 1).map(|at| list[at].0);
        entry(demand).is_none_or(|units| units > 0) || entry(closes).is_none_or(|close| close > 0)
    });
    Fraction::whole(i128::try_from(days.count()).unwrap())
}

/// Lines that count on a day, with what had not arrived.
fn lines(orders: &Term, today: NaiveDate) -> Vec<(Ordered, i64)> {
    let Term::Orders(orders) = orders else { panic!("{orders:?} are no orders") };
    let active = ["pending", "confirmed", "shipped", "partially_received"];
    let counting =
        orders.iter().filter(|line| line.ordered_on <= today && active.contains(&line.status.name()));
    let open = |line: &Ordered| {
        let arrived = line.receipts.iter().filter(|receipt| receipt.on <= today);
        (line.quantity - arrived.map(|receipt| receipt.quantity).sum::<i64>()).max(0)
    };
    counting.map(|line| (line.clone(), open(line))).collect()
}

fn flag(term: &Term) -> bool {
    if let Term::Flag(flag) = term { *flag } else { panic!("{term:?} is neither true nor false") }
}

fn number(term: &Term) -> Fraction {
    number_of(term).unwrap_or_else(|| panic!("{term:?} is no number"))
}

fn numbers(term: &Term) -> &[Fraction] {
    if let Term::List(list) = term { list } else { panic!("{term:?} is no list") }
}

fn day(term: &Term) -> NaiveDate {
    if let Term::Day(day) = term { *day } else { panic!("{term:?} is no day") }
}

/// A list without entries is null.
fn same(left: &Term, right: &Term) -> bool {
    let plain = |term: &Term| match term {
        Term::Words(words) if words.is_empty() => Term::Null,
        Term::List(list) if list.is_empty() => Term::Null,
        other => other.clone(),
    };
    plain(left) == plain(right)
}
