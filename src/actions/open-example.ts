// Knows: how an example that comes with the page becomes a project.
import type { Project } from '../domain/project.ts'
import type { Checked } from '../domain/problem.ts'
import type { Machines } from './machines.ts'

/** An example as the first screen offers it. */
export interface ListedExample {
  readonly name: string
  readonly title: string
  /** One or two sentences. */
  readonly description: string
  readonly seeds: number
}

/** How the page gets its own files. `page` is its address. */
export interface PageFiles {
  readonly fetch: (address: string) => Promise<Response>
  readonly page: string
}

export async function listExamples(_files: PageFiles): Promise<readonly ListedExample[]> {
  throw new Error('being written')
}

/** Makes a project of the example's name with its seeds and its recipe. */
export async function openExample(_machines: Pick<Machines, 'db' | 'now'>, _files: PageFiles, _request: { name: string }): Promise<Checked<Project>> {
  throw new Error('being written')
}
