from tests.attacks.test_rollouts import *
def test_probe(begun, commands, tmp_path):
    fleet = begun.copied(tmp_path / "fleet")
    fleet.take("advance")
    fleet.world.commit(fleet.files("advance"), by="rosa", branch="attack", when=fleet.world.now + 3 * DAY)
    r = commands.check(fleet.world, "attack")
    print("CHK", r.code, r.codes)
    assert 0
