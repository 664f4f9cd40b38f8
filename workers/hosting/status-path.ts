// Knows: the path below the page under which its service worker reports how much of the page is stored.
export const STATUS_PATH = 'offline-status.json'
