// Keeps waiting writes, and the lesson progress that was seen last, in IndexedDB. All tabs of a site share it. Only pages
// that are being left write to localStorage, which keeps a value at once.

import type { Waiting } from "./merging.js";
import type { LessonProgress } from "./types.js";

const WRITES = "writes";
const SEEN = "seen";

/** What a device keeps. Every method rejects where the device can not do it. */
export interface Storage {
  /** The waiting writes of a learner in their order. */
  waiting(learner: string): Promise<Waiting[]>;
  /** Store what `change` makes of them, in one transaction. Fulfilled when it is on the disk. */
  change(learner: string, change: (waiting: Waiting[]) => Waiting[]): Promise<void>;
  /** Store writes so that they are kept when the page ends at once. Browsers often drop a transaction then. */
  put(writes: Waiting[]): Promise<void>;
  seen(learner: string, course: string, lesson: string): Promise<LessonProgress | null>;
  /** Keep the lesson progress that the service has answered. Null: it has none. */
  see(learner: string, course: string, lesson: string, progress: LessonProgress | null): Promise<void>;
  /** Remove everything of a learner. */
  forget(learner: string): Promise<void>;
  close(): void;
}

export function openStorage(name: string): Storage {
  let opened: Promise<IDBDatabase> | undefined;
  const mark = `${name} `;

  const open = () =>
    new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(name, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(WRITES, { keyPath: ["learner", "key"] });
        request.result.createObjectStore(SEEN);
      };
      request.onerror = () => reject(request.error);
      request.onsuccess = () => {
        const database = request.result;
        database.onversionchange = database.onclose = () => {
          database.close();
          opened = undefined;
        };
        resolve(database);
      };
    });

  /** Fulfilled with the result of the request that `use` returns, when the transaction has ended. */
  async function transact<Result>(
    store: string,
    mode: IDBTransactionMode,
    use: (store: IDBObjectStore) => IDBRequest<Result>,
  ): Promise<Result> {
    opened ??= open();
    opened.catch(() => {
      opened = undefined;
    });
    const transaction = (await opened).transaction(store, mode, { durability: "strict" });
    return new Promise((resolve, reject) => {
      const request = use(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  /** Move what pages that were left have written to the database. */
  async function rescue(): Promise<void> {
    const left = Object.entries(globalThis.localStorage ?? {}).filter(([key]) => key.startsWith(mark));
    for (const [key, write] of left) {
      await transact(WRITES, "readwrite", (store) => store.put(JSON.parse(write)));
      localStorage.removeItem(key);
    }
  }

  return {
    async waiting(learner) {
      await rescue();
      return inOrder(await transact(WRITES, "readonly", (store) => store.getAll(all(learner))));
    },

    async change(learner, change) {
      await transact(WRITES, "readwrite", (store) => {
        const request: IDBRequest<Waiting[]> = store.getAll(all(learner));
        request.onsuccess = () => {
          const before = request.result;
          const after = change(inOrder([...before]));
          for (const write of before) {
            if (!after.includes(write)) store.delete([learner, write.key]);
          }
          for (const write of after) {
            if (!before.includes(write)) store.put(write);
          }
        };
        return request;
      });
    },

    async put(writes) {
      for (const write of writes) localStorage.setItem(mark + write.key, JSON.stringify(write));
      await rescue();
    },

    seen: async (...row) => (await transact(SEEN, "readonly", (store) => store.get(row))) ?? null,

    async see(learner, course, lesson, progress) {
      await transact(SEEN, "readwrite", (store) => store.put(progress, [learner, course, lesson]));
    },

    async forget(learner) {
      await rescue();
      for (const name of [WRITES, SEEN]) await transact(name, "readwrite", (store) => store.delete(all(learner)));
    },

    close: () => void opened?.then((database) => database.close()),
  };
}

/** The keys that begin with this learner: arrays come after all texts. */
function all(learner: string): IDBKeyRange {
  return IDBKeyRange.bound([learner], [learner, []]);
}

export function inOrder(waiting: Waiting[]): Waiting[] {
  return waiting.sort((one, other) => one.madeAt - other.madeAt);
}
