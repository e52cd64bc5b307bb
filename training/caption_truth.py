"""What the OASIS pictures show, looked at one by one: the truth against which the embedded captioner is checked.

In: a picture's file name without its ending, such as "dog_5". Out: whether a concept of
`pipelines/waveform/caption_things.py` is in it: True, False, or None where people might say either.

Conventions
-----------
A word stands for a theme ("dog" for "dog_1", "dog_2", …) or, with its number, for one picture; a minus before it takes
it out again; a question mark leaves it open. What is not listed is not in the picture.
"""

from __future__ import annotations

import re
from functools import cache

SHOWN = {
    "person": (
        "angry_face angry_pose archery astronaut baby band barbeque ambulance_1 birthday_2 biking bored_face "
        "bored_pose boxing bungee_jumping camping -camping_10 celebration cemetery_5 cheerleader child_labor "
        "children cliff_diver cold_6 collaboration couple -couple_5 dancing depressed_face depressed_pose dessert_8 "
        "doctor dog_attack eating excited_face exercise father fireman flowers_10? football_player frisbee "
        "frustrated_pose funeral? gazing guitar gun_2 gun_8 hang_gliding? hangover happy_face happy_pose "
        "horse_racing lake_17 massage miserable_face miserable_pose mother motocross musician neutral_face "
        "neutral_pose parachuting parade parasailing? party picnic police rafting road? rock_climbing "
        "rollercoaster? rugby running_away sad_face sad_pose sailing_1 sailing_2 scared_face scary_face school "
        "shooting shot -shot_4 -shot_5 siblings skier skijump_2 skydiving sleepy_pose smiling_face soldiers soup? "
        "street_1 surgery surprise swimming tickling toast? war -war_8? wedding_2 wedding_3 wedding_6 wedding_9 "
        "yoga beach_3? beach_4 beach_5? beach_6 beach_7 beach_8? bird_5? bee? bloody_knife_2 jail_4 war_8? "
        "performance? statue? thunderstorm_4? hang_gliding_2 volcano_2? fire_hydrant? lightning_1? explosion_6?"
    ),
    "fire": (
        "fire explosion -explosion_5 camping_6 knife_2 candle? birthday_1? celebration_2 sun? angry_face_5? sunset? "
        "fireworks? tornado_2? volcano? lightning? fireman?"
    ),
    "fireworks": "fireworks",
    "lightning": (
        "lightning thunderstorm_3 thunderstorm_5 thunderstorm_6 thunderstorm_8 thunderstorm_9 research? "
        "thunderstorm_7? thunderstorm?"
    ),
    "space": "galaxy astronaut_1? satellite? moon? sun? cemetery_2?",
    "sunset": (
        "sunset beach_2 beach_3 beach_8? gazing_2 gazing_5 gazing_1? happy_pose_3 lake_16 lake_17 mother_1 bird_1 "
        "celebration_2? couple_4 dock? soldiers_1 yoga_5 parachuting_2 nature_1 beach_5 lake_15? sailing_3? "
        "lightning_1? fire_10? skier? cold_5? nature_2? explosion_2? fire_11? running_away?"
    ),
    "flower": (
        "flowers sunflower wedding_ring wedding_11 wedding_2 wedding_4? nature_1? dog_4? wedding_12? present? "
        "statue_1? fire_hydrant_4?"
    ),
    "grass": (
        "grass dog_2 dog_3? dog_4 dog_6 dog_14? dog_17 dog_20 dog_21 dog_10? dog_attack? archery? barbeque_1? "
        "cemetery_3? cemetery_4? memorial? lamb? soccer? graveyard? goat? snake_3? picnic? fence_6? pigeon_1? path? "
        "jail_5? mother_5? exercise_1? football_player? frisbee? rugby? cat_10? fire_hydrant_2? camping? lake? "
        "wedding_4? volcano_3? sunflower? nature? horse? gorrila? dog_16? destruction_9? hang_gliding_3? dirt_2? "
        "funeral? dancing_1?"
    ),
    "snow": (
        "snow cold_2 cold_3 cold_6 cold_8 dog_1 bear_3? camping_9? camping_10 neutral_pose_2 penguins? skier? "
        "skijump wolf_1 cold_1? cold_5? lake? plane_crash_1? volcano_2?"
    ),
    "graves": "cemetery graveyard memorial_2 funeral? cemetery_5? memorial_1?",
    "dog": "dog dog_attack wolf? scared_cat?",
    "wolf": "wolf",
    "cat": "cat scared_cat?",
    "lion": "lion",
    "tiger": "tiger",
    "bear": "bear",
    "horse": "horse horse_racing",
    "zebra": "zebra",
    "pig": "pig",
    "sheep or goat": "goat lamb",
    "elephant": "elephant",
    "monkey": "monkey orangutan gorrila couple_5",
    "penguin": "penguins",
    "bird": "bird -bird_5? bird_5? crow pigeon rooster penguins rubber_duck?",
    "snake": "snake",
    "spider": "spider",
    "insect": "cockroach bee spider?",
    "shark": "shark",
    "fish": "shark stingray",
    "seal": "seal",
    "furry animal": "meerkat chipmunk ferret opossum raccoon",
    "animal": (
        "dog dog_attack wolf cat scared_cat lion tiger bear horse horse_racing zebra pig goat lamb elephant monkey "
        "orangutan gorrila couple_5 penguins bird crow pigeon rooster snake spider cockroach bee shark stingray "
        "seal meerkat chipmunk ferret opossum raccoon rubber_duck? pinecone? statue_2?"
    ),
    "fruit": "food_3 food_5 eating_2 pumpkin? dessert_3? picnic_2? food_6?",
    "food": (
        "food dessert eating_1 eating_2 eating_3? wedding_4 birthday? coffee? soup? barbeque? toast? pumpkin? "
        "picnic? drink? alcohol? camping_3? camping_4?"
    ),
    "cup": "coffee cups_1 cups_2 cups_3 soup",
    "drink": (
        "alcohol bar_1? bar_2? bar_3 drink toast beach_5 cups_4 bottle party? dessert_6? coffee? soup? cups? bar "
        "garbage_dump_6? garbage_dump_7? hangover? frustrated_pose_8?"
    ),
    "car": "car car_accident car_crash car_race wedding_6 street_1? traffic? road? street_5? ambulance_3? war_2?",
    "racing car": "car_race car_1? traffic?",
    "vehicle": (
        "car car_accident car_crash car_race wedding_6 ambulance police_3 biking motocross railroad traffic? road "
        "street_1 street_5? boat sailing rafting war_7 war_8 explosion_1 plane_crash exercise_3 thunderstorm_3 "
        "lake_9 cold_1 war_2? skydiving? satellite? storage? soldiers_1 tornado_1? fire_3? hang_gliding? "
        "rollercoaster? garbage_dump_4? cold_2? war?"
    ),
    "train": "railroad",
    "bicycle": "biking motocross?",
    "motorcycle": "police_3 motocross ambulance_1",
    "plane": "explosion_1 plane_crash soldiers_1 thunderstorm_3? hang_gliding?",
    "parachute": "parachuting parasailing skydiving? bungee_jumping_2? hang_gliding?",
    "boat": "boat rafting sailing exercise_3 cold_1 war_8 lake_9 beach_8 lake_13? gazing_4? flood_1?",
    "sailing boat": "sailing beach_8? gazing_4?",
    "tent": "camping -camping_3? -camping_6",
    "gun": (
        "gun war_1 war_3 war_4 war_6 war_7? war_2? shooting police_2 police_4? soldiers_3 soldiers_10 soldiers_9 "
        "weapon? soldiers_7 soldiers?"
    ),
    "uniform": (
        "soldiers war_3 war_4 war_6 war_7? shooting police band dog_attack_1 dog_attack_2? shot_2 gun_2? war_2? "
        "fireman? gun? astronaut? soldiers_5 -soldiers_3? -soldiers_1"
    ),
    "candle": "candle birthday_1 birthday_2",
    "instrument": "band guitar musician parade",
    "ball": "soccer billiards rugby? ornament?",
    "computer": "keyboard sleepy_pose_3 sad_pose_1",
    "roof": "roofing",
    "timber": "timber",
    "barrel": "barrels storage_3 storage_1? storage_2?",
    "fence": (
        "fence heart_2 jail_5 lion_2 wolf_1? dog_5? dog_4? dog_31? lake_4? heart_3? cemetery_3? cemetery_4? memorial?"
    ),
    "sea": (
        "beach gazing_2? gazing_4? bird_1? lightning_3? lake_17? sunset_2? thunderstorm_6 thunderstorm_11 couple_4 "
        "cliff_diver sailing boat? flood? cold_1 weapon? sunset_5 sunset_6 mother_1 mother_7? yoga_2? gazing_7? "
        "garbage_dump_2? rainbow? lake_16? skydiving_3 war_8? penguins?"
    ),
    "lake": "lake -lake_6 sunset_4 flood? nature_2? bird_1? parasailing_1 couple_3? gazing_4? garbage_dump_2?",
    "water": (
        "beach lake -lake_6 dock sailing boat rafting flood bird_1 gazing_2 gazing_4 gazing_7 lightning_3 "
        "lightning_1 thunderstorm_6 thunderstorm_11 thunderstorm_4 sunset_4 sunset_5 sunset_6? garbage_dump_2 "
        "rainbow cliff_diver couple_4 mother_1 mother_7? parasailing_1 happy_pose_3 waterfall swimming cold_1 "
        "bridge? weapon war_8 shark? exercise_3 bottle? skydiving_3? picnic_3? yoga_5? penguins_1? soldiers_1? "
        "surprise? fire_11? neutral_pose_1 couple_3 hang_gliding_2? rubber_duck? volcano? fireworks_2? fireworks_3 "
        "sunset_2?"
    ),
    "mountain": (
        "lake_4 lake_5 lake_7 lake_9 lake_11 lake_12 lake_13 lake_14 volcano -volcano_2? nature_1 dirt_2 "
        "parasailing_1 penguins_1 sunset_4 power_lines street_2? skijump? skier? gun_2 sunflower? gazing_5 "
        "skydiving_1 yoga_4? sunset_1? guitar? happy_pose_1? desert? soldiers_9? lightning_4? lightning_7? "
        "wedding_6?"
    ),
    "cliff": "rock_climbing cliff_diver_1 cliff_diver_3 yoga_4? lake_11?",
    "church": "building_1 gargoyle? graveyard_4 hallway? house? building_2?",
    "building": (
        "building city house skyscraper graveyard_4 street_1 street_5 roofing couple_9 lake_3 prison? pollution? "
        "hallway? jail? toilet? sailing_3 happy_pose? neutral_pose_1 gargoyle? destruction_2? destruction_1 "
        "destruction_8? destruction? school_4? timber? couple_7? thunderstorm_1 performance? gazing_7? lake_4?"
    ),
    "bridge": "bridge flood_2 baby_10? happy_pose_3 couple_7?",
    "landscape": (
        "beach lake -lake_6? nature volcano grass_6 dirt_2 street_2 street_4 desert sunset lightning -lightning_1? "
        "thunderstorm tornado rainbow rock_climbing cliff_diver dock boat? gazing_2 gazing_4 gazing_5 gazing_7 "
        "bird_1 flood path happy_pose parasailing_1 penguins_1 skydiving_1 skydiving_3 soldiers_9 hang_gliding "
        "fire_4? fire_10? fire_11 graveyard cemetery jail_5 fence_6? garbage_dump_2 yoga_4 yoga_2 guitar skier "
        "skijump snow? road woods? couple_4 mother_1 sailing lake_6 waterfall? explosion? fire? fireworks? "
        "neutral_pose_2 memorial power_lines destruction? war?"
    ),
}


@cache
def _table(concept: str) -> dict[str, bool | None]:
    """Themes and names to what they say of the concept."""
    said: dict[str, bool | None] = {}
    for word in SHOWN.get(concept, "").split():
        said[word.strip("-?")] = None if word.endswith("?") else not word.startswith("-")
    return said


def shows(name: str, concept: str) -> bool | None:
    """Whether the picture shows the concept; None where it is open. A picture's own word goes before its theme's."""
    table = _table(concept)
    theme = re.sub(r"_?\d+$", "", name)
    return table.get(name, table.get(theme, False))
