# What servers say while they are tested, kept and searched for secrets. Sourced by `test`.

# keep_logs PROGRAM: in the suites that start it by DOWNLINK_BIN, servers say all they can, each into a file of its own.
# The Rust suite of the program looks at DOWNLINK_TEST_LOGS itself.
keep_logs() {
  rm -rf "$DOWNLINK_TEST_LOGS"
  mkdir -p "$DOWNLINK_TEST_LOGS"
  cat >"$DOWNLINK_BIN" <<END
#!/bin/sh
case \$1 in
  serve | dev) DOWNLINK_LOG=trace exec "$1" "\$@" 2>>"$DOWNLINK_TEST_LOGS/\$1-\$\$.log" ;;
  *) exec "$1" "\$@" ;;
esac
END
  chmod +x "$DOWNLINK_BIN"
}

# Searches all that was kept for the keys of the tests, and for anything that looks like a token or like a secret of
# notices.
no_secrets_in_logs() {
  local count patterns
  patterns=$(mktemp)
  sed -nE "s/.*const (API_KEY|TOKEN_KEY)(: &str)? = ['\"]([A-Za-z0-9-]{16,})['\"];?.*/\3/p" \
    crates/server/tests/support/*.rs e2e/support/*.ts >"$patterns"
  [ "$(sort -u "$patterns" | wc -l)" = 4 ] || { echo "scripts/test: the tests' keys were not found" >&2; return 1; }
  cat >>"$patterns" <<'END'
eyJ[A-Za-z0-9_-]+[.][A-Za-z0-9_-]+[.][A-Za-z0-9_-]+
whsec_[A-Za-z0-9+/]{16,}
END
  count=$({ grep -rl TRACE "$DOWNLINK_TEST_LOGS" --include='*.log' || true; } | wc -l)
  # Where no suite ran that starts servers, there is nothing to search.
  case " $parts " in
    *" rust "*) [ "$count" -ge 100 ] ;;
    " browser " | " deploy ") true ;;
    *) [ "$count" -ge 1 ] ;;
  esac || { echo "scripts/test: only $count logs were kept" >&2; return 1; }
  if grep -rnE -f "$patterns" "$DOWNLINK_TEST_LOGS" --include='*.log' | cut -c1-200 | head -20 | grep .; then
    echo "scripts/test: a secret is in a log" >&2
    return 1
  fi
  rm "$patterns"
  echo "$count logs, $(du -sh "$DOWNLINK_TEST_LOGS" | cut -f1): no key, no token"
}
