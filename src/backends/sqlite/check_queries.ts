import { ROOT } from "./schema.ts";

/**
 * Queries of what breaks a rule of how the rows of a store go together: a line of text
 * for each finding, and the file or folder by which to find it, if there is one.
 */
export const checkQueries: readonly string[] = [
  `SELECT 'entry ' || quote(name) || ' of folder ' || entries.parent ||
     ' leads to ' || entries.fileid || ', which is missing', entries.parent
   FROM entries LEFT JOIN inodes USING (fileid) WHERE inodes.fileid IS NULL`,
  `SELECT 'entry ' || quote(name) || ' is in ' || entries.parent ||
     ', which is no folder', entries.parent
   FROM entries LEFT JOIN inodes ON inodes.fileid = entries.parent
   WHERE inodes.type IS NOT 'directory'`,
  `SELECT type || ' ' || fileid || ' has ' || nlink || ' links, but ' ||
     coalesce(names, 0) || ' names', fileid
   FROM inodes LEFT JOIN
     (SELECT fileid, count(*) AS names FROM entries GROUP BY fileid)
     USING (fileid)
   WHERE type <> 'directory' AND nlink <> coalesce(names, 0)`,
  `SELECT 'folder ' || fileid || ' has ' || coalesce(names, 0) || ' names', fileid
   FROM inodes LEFT JOIN
     (SELECT fileid, count(*) AS names FROM entries GROUP BY fileid)
     USING (fileid)
   WHERE type = 'directory' AND coalesce(names, 0) <> (fileid <> ${ROOT})`,
  `SELECT 'folder ' || inodes.fileid || ' has ' || nlink || ' links, but ' ||
     coalesce(folders, 0) || ' folders in it', inodes.fileid
   FROM inodes LEFT JOIN
     (SELECT entries.parent AS fileid, count(*) AS folders
      FROM entries JOIN inodes USING (fileid)
      WHERE type = 'directory' GROUP BY entries.parent)
     USING (fileid)
   WHERE type = 'directory' AND nlink <> 2 + coalesce(folders, 0)`,
  `SELECT 'folder ' || fileid || ' is in ' || entries.parent ||
     ', but its parent is ' || coalesce(inodes.parent, 'missing'), fileid
   FROM inodes JOIN entries USING (fileid)
   WHERE type = 'directory' AND inodes.parent IS NOT entries.parent`,
  `WITH RECURSIVE tree (fileid) AS (
     VALUES (${ROOT}) UNION
     SELECT entries.fileid FROM tree
     JOIN entries ON entries.parent = tree.fileid
     JOIN inodes ON inodes.fileid = entries.fileid
     WHERE type = 'directory')
   SELECT 'folder ' || fileid || ' can''t be reached from the root', fileid
   FROM inodes WHERE type = 'directory' AND fileid NOT IN tree`,
  // Of a store whose first start was ended, the next one makes it.
  `SELECT 'there is no root folder'
   WHERE EXISTS (SELECT 1 FROM inodes UNION ALL SELECT 1 FROM entries)
   AND NOT EXISTS
     (SELECT 1 FROM inodes WHERE fileid = ${ROOT} AND type = 'directory')`,
  `SELECT 'file ' || fileid || ' of ' || size || ' bytes has content of ' ||
     coalesce(length(data), 0), fileid
   FROM inodes LEFT JOIN contents USING (fileid)
   WHERE type = 'file' AND outside = 0 AND size <> coalesce(length(data), 0)`,
  `SELECT 'content of ' || contents.fileid || ' belongs to no file'
   FROM contents LEFT JOIN inodes USING (fileid)
   WHERE inodes.fileid IS NULL OR type <> 'file' OR outside <> 0`,
  `SELECT 'extended attribute ' || quote(name) || ' of ' || xattrs.fileid ||
     ', which is ' || coalesce('a ' || type, 'missing')
   FROM xattrs LEFT JOIN inodes USING (fileid)
   WHERE type IS NULL OR type NOT IN ('file', 'directory')`,
  `SELECT 'access list of ' || acls.fileid || ' belongs to no file', acls.fileid
   FROM acls LEFT JOIN inodes USING (fileid) WHERE listed IS NOT 1`,
  `SELECT type || ' ' || inodes.fileid || ' lacks its access list', inodes.fileid
   FROM inodes LEFT JOIN acls USING (fileid)
   WHERE listed <> 0 AND aces IS NULL`,
  `SELECT 'an import was not finished: import the archive again' ||
     iif(last.value <> CAST('import' AS BLOB),
       ', with --merge, as the store was served since', '')
   FROM records AS mark LEFT JOIN records AS last
     ON last.collection = 'server' AND last.key = 'last'
   WHERE mark.collection = 'import' AND mark.key = 'unfinished'`,
  `SELECT 'symlink ' || fileid || ' of ' || size || ' bytes leads to ' ||
     coalesce(quote(target), 'nothing'), fileid
   FROM inodes WHERE type = 'symlink'
   AND size IS NOT length(CAST(target AS BLOB))`,
  `SELECT 'file ' || inodes.fileid || ' has ' || ranges || ' shared ranges of ' ||
     shared || ' bytes, but there are ' || coalesce(kept, 0) || ' of ' ||
     coalesce(bytes, 0), inodes.fileid
   FROM inodes LEFT JOIN
     (SELECT fileid, count(*) AS kept, sum(used) AS bytes
      FROM shared_ranges GROUP BY fileid)
     USING (fileid)
   WHERE ranges <> coalesce(kept, 0) OR shared <> coalesce(bytes, 0)`,
  `SELECT 'shared range ' || start || ' of ' || shared_ranges.fileid ||
     iif(outside IS NULL, ', which is missing', ', which has no content'),
     shared_ranges.fileid
   FROM shared_ranges LEFT JOIN inodes USING (fileid)
   WHERE outside IS NULL OR outside = 0`,
  `SELECT 'shared range ' || start || ' of file ' || fileid ||
     ' is not within its ' || size || ' bytes', fileid
   FROM shared_ranges JOIN inodes USING (fileid)
   WHERE start < 0 OR length < 1 OR start + length > size`,
  `SELECT 'shared range ' || start || ' of file ' || fileid ||
     ' begins in the one before', fileid
   FROM (SELECT fileid, start, max(start + length) OVER (
       PARTITION BY fileid ORDER BY start
       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
     FROM shared_ranges)
   WHERE start < before`,
  `SELECT 'shared range ' || start || ' of file ' || fileid ||
     ' is in content ' || content || ', which is not shared', fileid
   FROM shared_ranges LEFT JOIN shared_contents ON number = content
   WHERE number IS NULL`,
  `SELECT 'shared content ' || number || ' is in no file' FROM shared_contents
   WHERE number NOT IN (SELECT content FROM shared_ranges)`,
  `SELECT 'shared content ' || number || ' is the own one of file ' || fileid,
     fileid
   FROM shared_contents JOIN inodes ON outside = number`,
  `SELECT type || ' ' || fileid || ' has no device number', fileid FROM inodes
   WHERE type IN ('block-device', 'character-device')
   AND (major IS NULL OR minor IS NULL)`,
  `SELECT 'number ' || used || ' is above the ceiling of those set aside'
   FROM (SELECT max(fileid) AS used FROM inodes
     UNION SELECT max(change) FROM inodes
     UNION SELECT max(outside) FROM inodes
     UNION SELECT max(number) FROM shared_contents
     UNION SELECT max(cookie) FROM entries)
   WHERE used > (SELECT value FROM meta WHERE name = 'ceiling')`,
];
