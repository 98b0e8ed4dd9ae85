// What a schema says, in words: its type, its bounds, and the members below it.

/** Follows references, and takes what `allOf` says together. */
export function resolve(schema, document) {
  if (schema.$ref) {
    const target = schema.$ref.slice(2).split("/").reduce((value, key) => value[key], document);
    return { ...resolve(target, document), name: schema.$ref.split("/").pop() };
  }
  if (!schema.allOf) return schema;
  const parts = schema.allOf.map((part) => resolve(part, document));
  const { allOf, ...own } = schema;
  return parts.reduceRight(
    (all, part) => ({
      ...part,
      ...all,
      properties: part.properties || all.properties ? { ...part.properties, ...all.properties } : undefined,
      required: [...(part.required ?? []), ...(all.required ?? [])],
    }),
    own,
  );
}

const choices = (schema) => schema.oneOf ?? schema.anyOf;
const many = (number, one) => `${number.toLocaleString("en")} ${one}${number === 1 ? "" : "s"}`;

/** "integer, 1 to 1,440", "ClientId or null", "list of Item". */
export function typeOf(schema, document) {
  const found = resolve(schema, document);
  if ("const" in found) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map((value) => JSON.stringify(value)).join(" or ");
  // An object that may be written in two ways is one type, not two.
  if (choices(found) && !found.properties && found.type !== "object") {
    return [...new Set(choices(found).map((part) => typeOf(part, document)))].join(" or ");
  }
  if (found.type === "array") {
    const bounds = found.maxItems ? `, ${found.minItems ?? 0} to ${found.maxItems.toLocaleString("en")}` : "";
    return `list of ${typeOf(found.items ?? {}, document)}${bounds}`;
  }
  if (found.name && found.properties) return found.name;
  return [[found.type ?? "any"].flat().join(" or "), ...bounds(found)].join(", ");
}

function bounds(schema) {
  const { minimum, maximum, minLength, maxLength } = schema;
  const said = [];
  if (maximum !== undefined && maximum < 4294967295) said.push(`${minimum ?? 0} to ${maximum.toLocaleString("en")}`);
  else if (minimum !== undefined) said.push(`at least ${minimum}`);
  if (maxLength) said.push(`${minLength ?? 0} to ${many(maxLength, "character")}`);
  else if (minLength) said.push(`at least ${many(minLength, "character")}`);
  if (schema.contentEncoding) said.push(schema.contentEncoding);
  if (schema.format) said.push(schema.format);
  if (schema.default !== undefined) said.push(`${JSON.stringify(schema.default)} if not said`);
  return said;
}

/** The members of an object, of a list's items, or of what an object may be. */
export function members(schema, document) {
  const found = resolve(schema, document);
  if (found.properties) {
    const required = new Set(found.required);
    return Object.entries(found.properties).map(([name, member]) => ({ name, member, must: required.has(name) }));
  }
  if (found.items) return members(found.items, document);
  const inside = (choices(found) ?? []).map((part) => members(part, document)).filter((part) => part.length > 0);
  const seen = new Set();
  return inside.flat().filter(({ name }) => !seen.has(name) && seen.add(name))
    .map((one) => ({ ...one, must: one.must && inside.length < 2 }));
}

/** What is said of it where it is used, or else where it is defined. */
export function about(schema, document) {
  return schema.description ?? resolve(schema, document).description ?? "";
}
