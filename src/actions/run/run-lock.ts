// Knows: the lock that one run of a project holds, and a deletion of its runs.
import type { ProjectId } from '../../domain/id.ts'

/** Name of the lock; other tabs compare it, so it never changes. */
export const nameRunLock = (projectId: ProjectId): string => `retort run ${projectId}`
