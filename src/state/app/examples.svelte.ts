// Knows: the example projects that ship with the page.
import { listExamples, type ListedExample } from '../../actions/projects/list-examples.ts'
import type { Problem } from '../../domain/problem.ts'
import type { Project } from '../../domain/project.ts'
import type { Environment } from './environment.ts'
import { Task } from '../parts/task.svelte.ts'

export class Examples {
  #list = $state.raw<readonly ListedExample[]>([])
  #problems = $state.raw<readonly Problem[]>([])
  readonly reading = new Task()
  readonly opening = new Task()
  readonly #env: Environment

  constructor(env: Environment) {
    this.#env = env
  }

  get list(): readonly ListedExample[] {
    return this.#list
  }
  get problems(): readonly Problem[] {
    return this.#problems
  }

  async refresh(): Promise<void> {
    this.#list = (await this.reading.do(() => listExamples(this.#env))) ?? []
  }

  async open(name: string): Promise<Project | undefined> {
    this.#problems = []
    const opened = await this.opening.do(async () => {
      // What reads a recipe is loaded when it is first needed.
      const { openExample } = await import('../../actions/projects/open-example.ts')
      return openExample(this.#env.machines, this.#env, { name })
    })
    if (opened === undefined) return undefined
    if (opened.ok) return opened.value
    this.#problems = opened.problems
    return undefined
  }
}
