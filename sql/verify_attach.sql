ATTACH {file} AS published (READ_ONLY);
CREATE VIEW {bronze} AS SELECT * FROM published.main.{bronze};
