//! A macro for open sets: enums of predefined names that a desk can extend with its own.

/// Declares an enum of predefined names plus `Custom(String)`.
///
/// A value serializes as its name. Deserializing a predefined name always gives its variant, so equal names are equal
/// values.
macro_rules! open_set {
    (
        $(#[$doc:meta])*
        $name:ident in $group:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
            /// A name defined by the desk.
            Custom(String),
        }

        impl $name {
            /// The predefined values.
            pub const KNOWN: &'static [$name] = &[$($name::$variant,)*];

            /// Returns the name, as it is serialized and stored.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$variant => $text,)*
                    $name::Custom(name) => name,
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<$name, D::Error> {
                struct Name;

                impl serde::de::Visitor<'_> for Name {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string")
                    }

                    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<$name, E> {
                        Ok($name::from(name))
                    }
                }

                from.deserialize_str(Name)
            }
        }

        impl From<&str> for $name {
            fn from(name: &str) -> $name {
                match &*crate::text::normal(name) {
                    $($text => $name::$variant,)*
                    custom => $name::Custom(custom.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(name: String) -> $name {
                $name::from(name.as_str())
            }
        }

        impl From<$name> for String {
            fn from(it: $name) -> String {
                it.as_str().to_owned()
            }
        }

        crate::language::words_by_name!($name, $group, |it| it.as_str());
    };
}

pub(crate) use open_set;
