// Knows: the parts of the page: the store, the workers, the state, the components.
// Must not know: what any of them does.
import { mount } from 'svelte'
import type { MachineScope } from './actions/machine/describe-machine.ts'
import { NetworkAccess } from './actions/machine/network-access.ts'
import { takeNewestVersion, whenPolicies } from './actions/machine/register-service.ts'
import { roleMachine, roleMachines, type OnChange, type OpenRole } from './actions/models/role-machine.ts'
import type { CorpusContract } from './protocol/corpus.ts'
import { sentenceOf } from './protocol/errors.ts'
import type { StudentContract } from './protocol/student.ts'
import { untilLoaded } from './protocol/retrying-worker.ts'
import { openWorker } from './protocol/supervised-worker.ts'
import type { TeacherContract } from './protocol/teacher.ts'
import type { ThreadsContract } from './protocol/threads.ts'
import { App } from './state/app/app.svelte.ts'
import { deliverByLink, showNotice } from './state/app/environment.ts'
import { NetworkLog } from './state/app/network-log.svelte.ts'
import { Threads } from './state/app/threads.svelte.ts'
import { openDatabase, type Database } from './storage/database.ts'
import Page from './ui/shell/Page.svelte'
import Refusal from './ui/shell/Refusal.svelte'
import { loadAllScreens } from './ui/shell/screens.ts'

/** localStorage; undefined if the browser refuses access to it. */
function readLocalStorage(): Storage | undefined {
  try {
    return localStorage
  } catch {
    return undefined
  }
}

/** Milliseconds a start may take while threads are measured: whatever needs longer is not worth the wait. */
const MEASURED_START_LIMIT = 10_000

/** Removes the line of index.html once there is something else to see: until then an error is shown in it. */
const removeFirstLine = (): void => document.querySelector('#not-started')?.remove()

async function openPage(target: HTMLElement): Promise<void> {
  let db: Database
  try {
    db = await openDatabase()
  } catch (thrown) {
    mount(Refusal, {
      target,
      props: { sentence: sentenceOf(thrown), onReload: () => void takeNewestVersion() },
    })
    removeFirstLine()
    return
  }
  // No worker starts without a policy where one will come; where none comes, the registration of the service worker has ended.
  let noteRegistered: () => void = () => undefined
  const registered = new Promise<void>((resolve) => (noteRegistered = resolve))
  const mayStart = Promise.race([whenPolicies(), registered])
  const canShare = globalThis.crossOriginIsolated && typeof SharedArrayBuffer !== 'undefined'
  const threads = new Threads(
    canShare && navigator.hardwareConcurrency > 1
      ? {
          db,
          cores: navigator.hardwareConcurrency,
          now: () => Date.now(),
          open: () =>
            openWorker<ThreadsContract>(
              () =>
                new Worker(new URL('../workers/threads.ts', import.meta.url), {
                  type: 'module',
                  name: 'threads',
                }),
              { startLimit: MEASURED_START_LIMIT, retries: false, mayStart },
            ),
        }
      : undefined,
  )
  const chooseThreads = (): Promise<number | undefined> => threads.choose()
  const onNote = (sentence: string): void => app.setStartNote(sentence)
  const student = openWorker<StudentContract>(
    untilLoaded(
      () =>
        new Worker(new URL('../workers/student.ts', import.meta.url), { type: 'module', name: 'student' }),
    ),
    { onNote, chooseThreads, mayStart },
  )
  const corpus = openWorker<CorpusContract>(
    untilLoaded(
      () => new Worker(new URL('../workers/corpus.ts', import.meta.url), { type: 'module', name: 'corpus' }),
    ),
    { mayStart },
  )
  const page = new URL('.', location.href).href
  const traffic = new NetworkLog()
  // Each model has a worker of its own, and a network worker of its own, so that one's permission is none of the other's.
  const openModel: OpenRole = (role) => {
    const worker = openWorker<TeacherContract>(
      untilLoaded(
        () => new Worker(new URL('../workers/teacher.ts', import.meta.url), { type: 'module', name: role }),
      ),
      {
        onDeath: () => {
          network.reset()
          app.roles.find(role)?.markLost()
        },
        onNote,
        chooseThreads,
        mayStart,
      },
    )
    const network = new NetworkAccess({
      startWorker: () =>
        new Worker(new URL('../workers/network.ts', import.meta.url), { type: 'module', name: 'network' }),
      teacher: worker,
      page,
      onTraffic: (request, count) => traffic.add(request, count, role),
      onPermissions: (permissions) => traffic.permit(permissions, role),
    })
    return { remote: network.teacher, worker }
  }
  const onChange: OnChange = (role) => app.roles.find(role)?.noteChange()
  const teacher = roleMachine('teacher', openModel('teacher'), onChange)
  const app: App = new App({
    machines: {
      db,
      teacher,
      models: roleMachines(teacher, openModel, onChange),
      student: student.remote,
      corpus: corpus.remote,
      now: () => Date.now(),
    },
    threads,
    window,
    root: document.documentElement,
    memory: readLocalStorage(),
    fetch: (address) => fetch(address),
    page,
    traffic,
    wasDiscarded: 'wasDiscarded' in document && document.wasDiscarded === true,
    awake: { document, ...('wakeLock' in navigator ? { wakeLock: navigator.wakeLock } : {}) },
    ...('Notification' in globalThis
      ? {
          notices: {
            document,
            permission: () => Notification.permission,
            request: () => Notification.requestPermission(),
            show: showNotice,
          },
        }
      : {}),
    deliver: deliverByLink,
  })
  mount(Page, { target, props: { app } })
  removeFirstLine()
  const ready = app.start(globalThis as unknown as MachineScope) // TypeScript’s DOM library does not declare WebGPU and deviceMemory
  // Whatever fails there, the page needs the service worker's headers.
  void app.service.start(ready).finally(noteRegistered)
  await ready
  await loadAllScreens()
}

const target = document.querySelector<HTMLElement>('#page')
if (target === null) throw new Error('index.html has no element called #page')
/** Settles when the page is open; rejects if it cannot be opened. */
export const opened = openPage(target)
