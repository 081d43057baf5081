# The example button: a press whose contact bounces is one press, and the chip goes.
make_gpio_chip
start_gpio_example button 3 500 # longer than a busy machine needs for the bounces
presses_are() { [ "$(grep -c held /tmp/run/work)" = "$1" ]; }
for press in 1 2 3; do
    # The button connects the line to ground.
    for way in down up down up down; do drive 3 $way; done
    sleep 2
    for way in up down up down up; do drive 3 $way; done
    within 10 presses_are $press || fail "press $press: $(cat /tmp/run/work)"
done
remove_gpio_chip button
presses_are 3 || fail "$(cat /tmp/run/work)"
pass "3 presses, the last $(tail -n 1 /tmp/run/work); told of the removal"
