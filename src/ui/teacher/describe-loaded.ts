// Knows: a loaded model in one line: its name, where it runs, how much memory it takes.
import type { TeacherDescription } from '../../domain/teacher-description.ts'
import { loadedBytes } from '../../state/models/roles.svelte.ts'
import { formatBytes } from '../parts/format.ts'

const WHERE = {
  wasm: 'on the processor',
  webgpu: 'on the graphics card',
  server: 'on a model server',
} as const

export function describeLoaded(model: TeacherDescription): string {
  const bytes = loadedBytes(model)
  return [
    model.card.name,
    WHERE[model.backend],
    ...(bytes === undefined || bytes === 0 ? [] : [`about ${formatBytes(bytes)} of memory`]),
  ].join(', ')
}
