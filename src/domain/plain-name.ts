// Knows: which characters a name must not have: they would let it look like another name.

/** Marks that reorder the text around them, and control characters; joiners of emoji and of scripts stay. */
// oxlint-disable-next-line no-control-regex -- control characters are what is removed
const MISLEADING = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** The name without them; runs of spaces, line breaks included, become one space. */
export const plainName = (name: string): string =>
  name.replaceAll(/\s+/g, ' ').replaceAll(MISLEADING, '').trim()
