// Knows: which roles columns get: those chosen now, those remembered for the form, those of known names; otherwise none.
import { checkColumns, type ColumnMapping, type ColumnPreview } from '../../domain/column-mapping.ts'
import type { ColumnPlan } from './row-reader.ts'

export interface ColumnOptions {
  /** A person's choice for this source. */
  readonly chosen?: ColumnMapping | undefined
  /** Earlier choices by the form of the files. */
  readonly remembered?: ReadonlyMap<string, ColumnMapping> | undefined
}

/** The plan (`undefined`: a person has to choose), and the preview with the roles that it gives. */
export function decideColumns(
  preview: ColumnPreview,
  { chosen, remembered }: ColumnOptions,
): { readonly plan: ColumnPlan | undefined; readonly preview: ColumnPreview } {
  if (chosen) return { plan: chosen, preview: withRoles(preview, chosen, 'chosen') }
  const earlier = remembered?.get(preview.form)
  if (earlier && fits(earlier, preview)) {
    const shown = withRoles(preview, earlier, 'remembered')
    // Columns without names have the same form in unlike files: an earlier choice is only a suggestion there.
    return {
      plan: preview.header ? { ...earlier, columns: shown.columns } : undefined,
      preview: shown,
    }
  }
  return { plan: preview.origin === 'recognised' ? 'recognised' : undefined, preview }
}

/** The prompt's column is there, and the roles are valid. */
function fits({ columns }: ColumnMapping, preview: ColumnPreview): boolean {
  if (checkColumns(columns) !== undefined) return false
  const key = (name: string): string => name.toLowerCase()
  const names = new Set(preview.columns.map(({ name }) => key(name)))
  return columns.every(({ name, role }) => role !== 'prompt' || names.has(key(name)))
}

function withRoles(
  preview: ColumnPreview,
  { header, columns }: ColumnMapping,
  origin: ColumnPreview['origin'],
): ColumnPreview {
  const roles = new Map(columns.map(({ name, role }) => [name.toLowerCase(), role]))
  const shown = header === preview.header ? preview.columns : columns
  return {
    ...preview,
    header,
    origin,
    columns: shown.map(({ name }) => ({ name, role: roles.get(name.toLowerCase()) ?? 'ignore' })),
  }
}
