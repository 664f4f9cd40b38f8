// Knows: the brands of all ids. An id is made by a constructor of its noun, or read by `readId` from storage.
import { hashOf, type Json } from './hash.ts'

declare const brand: unique symbol
/** A string that names one thing of one kind. */
export type Id<Kind extends string> = string & { readonly [brand]: Kind }

export type ProjectId = Id<'project'>
export type SeedId = Id<'seed'>
export type PromptId = Id<'prompt'>
export type RowId = Id<'row'>
export type PreferenceId = Id<'preference'>
export type RunId = Id<'run'>
export type RecipeHash = Id<'recipe'>
export type DatasetId = Id<'dataset'>
export type StudentId = Id<'student'>
export type ComparisonId = Id<'comparison'>

/** Content-addressed id: 24 hexadecimal digits (96 bits) of the hash of what determines the thing. */
export function contentId<Kind extends string>(kind: Kind, value: Json): Id<Kind> {
  return hashOf([kind, value]).slice(0, 24) as Id<Kind>
}

/** The full hash as an id, for things whose id people see and compare (datasets, recipes). */
export function fullContentId<Kind extends string>(kind: Kind, value: Json): Id<Kind> {
  return hashOf([kind, value]) as Id<Kind>
}

/** A random id, for things that stay two even if their contents are equal (projects, runs, students). */
export function freshId<Kind extends string>(_kind: Kind): Id<Kind> {
  const bytes = crypto.getRandomValues(new Uint8Array(12))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('') as Id<Kind>
}

/** True for text that has the form of an id: 8 to 64 hexadecimal digits. */
export function hasIdForm(text: unknown): text is string {
  return typeof text === 'string' && /^[0-9a-f]{8,64}$/.test(text)
}

/** An id read back from storage, a file or an address; `undefined` if the text cannot be one. */
export function readId<Kind extends string>(_kind: Kind, text: unknown): Id<Kind> | undefined {
  return hasIdForm(text) ? (text as Id<Kind>) : undefined
}
