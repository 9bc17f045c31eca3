import { LAST_ID, MAX_UINT32 } from "../../base/option_values.ts";
import { MAX_COOKIE } from "../../vfs/checks.ts";
import type { FileType } from "../../vfs/mod.ts";
import { MAX_NAME } from "../common/names.ts";
import { BYTES_OF_ACE } from "./ace_bytes.ts";
import { IS_SOUND } from "./content_journal.ts";
import { MAX_LINK } from "./directory_tree.ts";

const TYPES = [
  ...["file", "directory", "symlink", "fifo", "socket"],
  ...["block-device", "character-device"],
] as const satisfies readonly FileType[];
/** What JavaScript can't count beyond. */
const MOST = Number.MAX_SAFE_INTEGER;

/** The numbers of a node, and from where to where each may be. */
const RANGES: Readonly<Record<string, readonly [least: number, most: number]>> =
  {
    fileid: [1, MOST],
    parent: [1, MOST],
    mode: [0, 0o7777],
    nlink: [0, MOST],
    uid: [0, LAST_ID],
    gid: [0, LAST_ID],
    size: [0, MOST],
    used: [0, MOST],
    change: [0, MOST],
    outside: [0, MOST],
    listed: [0, 1],
    ranges: [0, MOST],
    shared: [0, MOST],
    major: [0, MAX_UINT32],
    minor: [0, MAX_UINT32],
    ...Object.fromEntries(
      ["atime", "mtime", "ctime", "birth"].flatMap((time) => [
        [time, [-MOST, MOST]],
        [`${time}_ns`, [0, 999_999_999]],
      ]),
    ),
  };

/**
 * Queries of names and numbers that no store gives to anything, as those of
 * `check_queries.ts`: they come from damage, or from another program.
 */
export const valueQueries: readonly string[] = [
  `SELECT 'entry ' || quote(name) || ' of folder ' || parent ||
     ' has a name that can''t be', parent
   FROM entries WHERE name IN ('', '.', '..') OR instr(name, '/') > 0
   OR instr(CAST(name AS BLOB), x'00') > 0
   OR length(CAST(name AS BLOB)) > ${MAX_NAME}`,
  `SELECT 'entry ' || quote(name) || ' of folder ' || parent ||
     ' has cookie ' || cookie || ', which can''t be', parent
   FROM entries WHERE cookie NOT BETWEEN 1 AND ${MAX_COOKIE}`,
  `SELECT 'node ' || fileid || ' is a ' || quote(type) ||
     ', which there is not', fileid
   FROM inodes WHERE type NOT IN (${TYPES.map((type) => `'${type}'`).join()})`,
  `SELECT type || ' ' || fileid || ' has more links than can be: ' || nlink,
     fileid
   FROM inodes WHERE type <> 'directory' AND nlink > ${MAX_LINK}`,
  ...Object.entries(RANGES).map(([column, [least, most]]) =>
    `SELECT type || ' ' || fileid || ' has ${column} ' || ${column} ||
       ', which can''t be', fileid
     FROM inodes WHERE ${column} NOT BETWEEN ${least} AND ${most}`
  ),
  `SELECT 'access list of ' || fileid || ' has ' || length(aces) ||
     ' bytes, which can''t be', fileid
   FROM acls WHERE length(aces) % ${BYTES_OF_ACE} <> 0`,
  `SELECT 'shared range ' || start || ' of file ' || fileid ||
     ' has numbers that can''t be', fileid
   FROM shared_ranges WHERE at < 0 OR used < 0
   OR max(fileid, start, length, content, at, used) > ${MOST}`,
  `SELECT 'shared content ' || number || ' has ' || size ||
     ' bytes, which can''t be'
   FROM shared_contents WHERE size NOT BETWEEN 0 AND ${MOST}`,
  `SELECT type || ' ' || quote(name) || ' of the database is not the store''s'
   FROM sqlite_schema WHERE type IN ('trigger', 'view')`,
];

/** The same of what a recovery leaves out, before it does. */
export const journalQuery: string =
  `SELECT 'journal row ' || id || ' is for byte ' || start || ' of content ' ||
     content || ', and was left out'
   FROM journal WHERE NOT (${IS_SOUND})`;
