/** Limits that both ends must agree on; they are those of `proto/wire/src/limits.rs`, and a test compares them. */

/** Name of a person, in characters (Unicode scalar values). */
export const NAME_CHARS_MAX = 100;
/** Title of a room, in characters. */
export const TITLE_CHARS_MAX = 200;
/** Slug of a room, in bytes; lower-case letters, digits and hyphens. */
export const SLUG_BYTES_MAX = 50;
/** A room's password, in bytes of UTF-8. */
export const PASSWORD_BYTES_MAX = 72;
/** A line of chat, in bytes of UTF-8. */
export const LINE_BYTES_MAX = 4_096;
/** A notice, in bytes of UTF-8. */
export const NOTICE_BYTES_MAX = 1_000;
/** A question, in bytes of UTF-8. */
export const QUESTION_BYTES_MAX = 2_000;
/** An answer in text, in bytes of UTF-8. */
export const ANSWER_BYTES_MAX = 4_096;
/** Name of a template, in characters. */
export const TEMPLATE_NAME_CHARS_MAX = 50;
/** Name of a file, in bytes of UTF-8. */
export const FILE_NAME_BYTES_MAX = 255;
/** Lines of chat in a snapshot, and at most in one page of history. */
export const CHAT_PAGE_LINES = 50;

const encoder = new TextEncoder();

/** Length in bytes of UTF-8, as the limits count it. */
export function utf8Bytes(text: string): number {
  return encoder.encode(text).length;
}

/** Length in Unicode scalar values, as the limits count it. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
