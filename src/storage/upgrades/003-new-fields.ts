// Knows: that version 3 only adds optional fields: a page that does not know them refuses the file instead of losing them.
import type { ProjectStore } from '../schema.ts'

/** From version 2 to 3. */
export const newFields = (_store: ProjectStore, value: unknown): unknown => value
