// Knows: how state reaches the components: handed down by context, so that a test can hand down its own.
import { createContext } from 'svelte'
import type { App } from './app.svelte.ts'
import type { Workspace } from './workspace.svelte.ts'

/** The whole page's state. */
export const [useApp, provideApp] = createContext<App>()

/** The open project's state. */
export const [useWorkspace, provideWorkspace] = createContext<Workspace>()
