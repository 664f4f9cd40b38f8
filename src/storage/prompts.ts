// Knows: a run's prompts in storage, accepted and dropped ones.
import type { ProjectId, PromptId, RunId } from '../domain/id.ts'
import type { Prompt } from '../domain/prompt.ts'
import { RELAXED, type Database } from './database.ts'
import { requestInParts } from './parts.ts'
import { writeInProject } from './project-writes.ts'
import { within } from './ranges.ts'

/** Stores prompts of one project together with the journal entry of the unit they came from: all or none. */
export async function putPrompts(
  db: Database,
  prompts: readonly Prompt[],
  done?: { projectId: ProjectId; runId: RunId; key: string },
): Promise<void> {
  const projectId = (prompts[0] ?? done)?.projectId
  if (projectId === undefined) return
  await writeInProject(
    db,
    projectId,
    ['prompts', 'journal'],
    async (transaction) => {
      const store = transaction.objectStore('prompts')
      await requestInParts(prompts, async (prompt) => store.put(prompt))
      if (done !== undefined) await transaction.objectStore('journal').put(done)
    },
    RELAXED,
  )
}

export const getPrompt = (db: Database, projectId: ProjectId, id: PromptId): Promise<Prompt | undefined> =>
  db.get('prompts', [projectId, id])

export const countPrompts = (db: Database, projectId: ProjectId, runId: RunId): Promise<number> =>
  db.countFromIndex('prompts', 'inRun', within(projectId, runId))

/** Prompts read at a time: what they take to arrive is one task of the page's thread. */
const PROMPTS_PER_PAGE = 500

/** In the run's order. */
export async function listPrompts(db: Database, projectId: ProjectId, runId: RunId): Promise<Prompt[]> {
  const prompts: Prompt[] = []
  for (let range = within(projectId, runId); ;) {
    const page = await db.getAllFromIndex('prompts', 'inRun', range, PROMPTS_PER_PAGE)
    for (const prompt of page) prompts.push(prompt)
    const last = page.at(-1)
    if (last === undefined || page.length < PROMPTS_PER_PAGE) return prompts
    range = IDBKeyRange.bound([projectId, runId, last.order], [projectId, runId, []], true)
  }
}
