// Knows: a project, which all other stored records belong to. Every record carries its id.
import { freshId, type ProjectId } from './id.ts'
import { plainName } from './plain-name.ts'
import { accept, refuse, type Checked } from './problem.ts'
import type { Role } from './role.ts'

export interface Project {
  readonly id: ProjectId
  readonly name: string
  /** Milliseconds since 1970. */
  readonly createdAt: number
  readonly changedAt: number
  /** Recipe in use, as YAML text; a draft until it is checked. */
  readonly recipeText?: string
  /** The last model loaded in this project, by its name in the model store. */
  readonly teacherName?: string
  /** The same for the models of other roles, by role; a role that is absent has none of its own. */
  readonly modelNames?: Readonly<Record<Role, string>>
}

export const PROJECT_NAME_LIMIT = 80

/** A project's name: 1 to 80 characters, no line breaks, nothing that reorders text, trimmed. */
export function parseProjectName(text: string): Checked<string> {
  const name = plainName(text)
  if (name === '')
    return refuse({
      sentence: 'A project needs a name. Type one, for example “Customer replies”.',
      field: 'name',
    })
  if (name.length > PROJECT_NAME_LIMIT)
    return refuse({
      sentence: `This name has ${name.length} characters; the limit is ${PROJECT_NAME_LIMIT}. Shorten it.`,
      field: 'name',
    })
  return accept(name)
}

export function makeProject(name: string, now: number): Project {
  return { id: freshId('project'), name, createdAt: now, changedAt: now }
}
