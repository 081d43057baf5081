# Every call of the system that an interrupt on a GPIO line needs is refused, at every place and with every number.
make_gpio_chip
lab_refused gpio refused >/tmp/run/refused 2>&1
status=$?
cat /tmp/run/refused
[ $status = 0 ] || fail "lab_refused gpio refused ended with status $status: $(grep -m1 -A1 panicked /tmp/run/refused)"
pass "$(tail -n 1 /tmp/run/refused)"
