//! Schemas of bodies: each is written from its type, and stands once in the document.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::{Value, json};
use utoipa::{
    ToSchema,
    openapi::{RefOr, schema::Schema},
};

type Schemas = Vec<(String, RefOr<Schema>)>;

/// A type that has a schema.
#[derive(Clone, Copy)]
pub struct Shape {
    name: fn() -> Cow<'static, str>,
    schema: fn() -> RefOr<Schema>,
    parts: fn(&mut Schemas),
}

impl Shape {
    pub const fn of<T: ToSchema>() -> Shape {
        Shape {
            name: T::name,
            schema: T::schema,
            parts: T::schemas,
        }
    }

    /// Where the document has it.
    pub(super) fn reference(self) -> Value {
        json!({"$ref": format!("#/components/schemas/{}", (self.name)())})
    }

    /// Adds it and all that it is made of.
    pub(super) fn collect(self, schemas: &mut BTreeMap<String, Value>) {
        let mut parts = Schemas::new();
        (self.parts)(&mut parts);
        parts.push(((self.name)().into_owned(), (self.schema)()));
        for (name, schema) in parts {
            // Schemas are made of strings, numbers and maps, which JSON can write.
            let schema = serde_json::to_value(schema).unwrap_or_default();
            schemas.insert(name, schema);
        }
    }
}
