// Knows: how state reaches the components: through Svelte context, so that a test can provide its own.
import { createContext } from 'svelte'
import type { App } from '../app/app.svelte.ts'
import type { RoleState } from '../models/roles.svelte.ts'
import type { Seeds } from '../project/seeds.svelte.ts'
import type { Workspace } from '../project/workspace.svelte.ts'

/** The state of the whole page. */
export const [useApp, provideApp] = createContext<App>()

/** The seeds of the open project, which are there before the rest of it. */
export const [useSeeds, provideSeeds] = createContext<Seeds>()

/** The state of the open project. */
export const [useWorkspace, provideWorkspace] = createContext<Workspace>()

/** The model of the role that a panel shows. */
export const [useRole, provideRole] = createContext<RoleState>()
