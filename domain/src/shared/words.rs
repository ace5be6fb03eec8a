//! Words: enums whose variants have one name each, the one that events, tables and answers show; sets of them cost one
//! byte.

/// Declares an enum of words with their stored names.
#[macro_export]
macro_rules! words {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$vmeta:meta])* $variant:ident = $word:literal, )+
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $( $(#[$vmeta])* #[serde(rename = $word)] $variant, )+
        }

        impl $name {
            /// Every word, in the order of the rules.
            pub const ALL: &'static [Self] = &[ $( Self::$variant, )+ ];

            /// The word that tables, answers and files show.
            pub const fn name(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }

            /// The word of that name.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.name() == name)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

/// Declares a set of at most eight words of one enum; it lists them in the order of the rules.
#[macro_export]
macro_rules! word_set {
    ($(#[$meta:meta])* pub struct $set:ident of $word:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $set(u8);

        impl $set {
            /// Whether the word is in it.
            pub fn contains(self, word: $word) -> bool {
                self.0 & Self::bit(word) != 0
            }

            /// Puts the word in where `holds`.
            pub fn put(&mut self, word: $word, holds: bool) {
                if holds {
                    self.0 |= Self::bit(word);
                }
            }

            /// Whether it holds no word.
            pub fn is_empty(self) -> bool {
                self.0 == 0
            }

            /// Its words.
            pub fn iter(self) -> impl Iterator<Item = $word> {
                $word::ALL.iter().copied().filter(move |word| self.contains(*word))
            }

            fn bit(word: $word) -> u8 {
                let place = $word::ALL.iter().position(|known| *known == word);
                place.and_then(|place| u32::try_from(place).ok()).and_then(|place| 1_u8.checked_shl(place)).unwrap_or(0)
            }
        }

        impl FromIterator<$word> for $set {
            fn from_iter<I: IntoIterator<Item = $word>>(words: I) -> Self {
                let mut set = Self::default();
                words.into_iter().for_each(|word| set.put(word, true));
                set
            }
        }

        impl serde::Serialize for $set {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.iter())
            }
        }

        impl<'de> serde::Deserialize<'de> for $set {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <Vec<$word> as serde::Deserialize>::deserialize(deserializer).map(|words| words.into_iter().collect())
            }
        }
    };
}
